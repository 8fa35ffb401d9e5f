// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <list>
#include <memory>

#include "cli/commands/reach.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/listening_socket.hpp"
#include "cli/text.hpp"
#include "guest/protocol/address.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::cli {
namespace {

using Clock = std::chrono::steady_clock;

/// The same sentence again is no news for so long.
constexpr std::chrono::seconds news{10};
/// What was set up and lost sooner is set up again ever more slowly.
constexpr std::chrono::seconds stable{2};
constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{5000};

/// All that a name of this host stands for, as getaddrinfo(3) orders it.
sdk::Result<std::vector<std::string>> addresses_of(const std::string& host)
{
    if (host.empty() || host == "localhost")
        return std::vector<std::string>{"127.0.0.1", "::1"};
    if (agent::is_address(host))
        return std::vector<std::string>{host};
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &wanted, &list); error != 0)
        return sdk::make_error(sdk::Code::not_found,
                               "this host does not know " + cli::quoted(host) + ": " + ::gai_strerror(error));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> held(list, &::freeaddrinfo);
    std::vector<std::string> addresses;
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
            addresses.emplace_back(text.data());
    }
    return addresses;
}

/// An address of the guest's, as the agent takes it: nothing is its loopback.
std::string guest_address(const std::string& host)
{
    return host == "*" ? "0.0.0.0" : host == "localhost" ? "" : host;
}

json::Object place_in_guest(const ForwardEnd& end)
{
    json::Object place;
    if (!end.path.empty())
        place.set("unix", end.path);
    else
        place.set("tcp", static_cast<unsigned>(end.port)).set("address", guest_address(end.host));
    return place;
}

/// One forward that was asked for, and what the daemon does for it now.
struct Line {
    const ForwardSpec* spec = nullptr;
    std::optional<ListeningSocket> socket;  ///< to a guest
    std::vector<std::string> addresses;     ///< to this host
    sdk::os::UniqueFd held;                 ///< it goes on until this is closed, by whomever
    std::uint16_t guest_port = 0;           ///< on which the guest listens
};

class Forwarding {
public:
    Forwarding(const VmForward& verb, Context& context, Signals& signals)
        : verb_(verb), context_(context), signals_(signals)
    {
    }

    sdk::Result<Exit> run()
    {
        if (auto prepared = prepare(); !prepared)
            return std::move(prepared).error();
        if (auto attached = attach_all(); !attached)
            return std::move(attached).error();
        if (auto printed = show(); !printed)
            return std::move(printed).error();
        for (;;) {
            auto stopped = wait();
            if (!stopped)
                return std::move(stopped).error();
            if (*stopped != 0)
                return Exit(SignalExit{*stopped});
            if (!any_lost())
                continue;
            auto ended = attach_again();
            if (!ended)
                return std::move(ended).error();
            if (*ended != 0)
                return Exit(SignalExit{*ended});
        }
    }

private:
    /// All that is of this host, before anybody else is asked.
    sdk::Result<void> prepare()
    {
        for (const auto& spec : verb_.forwards) {
            auto& line = lines_.emplace_back();
            line.spec = &spec;
            if (spec.to == ForwardSpec::To::guest) {
                auto socket = ListeningSocket::open(spec.listen);
                if (!socket)
                    return std::move(socket).error();
                line.socket.emplace(std::move(*socket));
            } else if (spec.target.path.empty()) {
                auto addresses = addresses_of(spec.target.host);
                if (!addresses)
                    return std::move(addresses).error();
                line.addresses = std::move(*addresses);
            }
        }
        return {};
    }

    sdk::Result<void> attach_all()
    {
        auto session = context_.daemon();
        if (!session)
            return std::move(session).error();
        attached_ = Clock::now();
        for (auto& line : lines_)
            if (!line.held)
                if (auto attached = attach(**session, line); !attached)
                    return attached;
        return {};
    }

    sdk::Result<void> attach(Session& session, Line& line) const
    {
        const ForwardSpec& spec = *line.spec;
        json::Object params;
        params.set("vm", verb_.vm);
        std::vector<sdk::os::UniqueFd> descriptors;
        if (line.socket) {
            auto copy = line.socket->copy();
            if (!copy)
                return std::move(copy).error();
            descriptors.push_back(std::move(*copy));
            params.set("to", "guest").set("target", place_in_guest(spec.target));
        } else {
            json::Object target;
            if (spec.target.path.empty())
                target.set("tcp", static_cast<unsigned>(spec.target.port)).set("addresses", line.addresses);
            else
                target.set("unix", std::filesystem::absolute(spec.target.path).string());
            ForwardEnd listen = spec.listen;
            if (line.guest_port != 0)
                listen.port = line.guest_port;  // as it was before
            params.set("to", "host").set("listen", place_in_guest(listen)).set("target", target);
        }
        auto answer = session.call("vm.forward", params, Session::OnInterrupt::cancel, std::move(descriptors));
        if (!answer)
            return std::move(answer).error();
        if (answer->descriptors.empty())
            return sdk::make_error(sdk::Code::internal, "the daemon sent nothing to hold the forward by");
        line.held = std::move(answer->descriptors.front());
        line.guest_port = static_cast<std::uint16_t>(json::uint_or(answer->result, "port"));
        return {};
    }

    /// The signal that ended it; 0 once all are set up.
    sdk::Result<int> attach_again()
    {
        pause_ = Clock::now() - attached_ > stable ? std::chrono::milliseconds(0) : longer(pause_);
        context_.note("forward: " + lost_ + "; connections that stood were cut, and it is set up again");
        for (;; pause_ = longer(pause_)) {
            if (pause_.count() > 0)
                if (const auto stopped = pause())
                    return stopped;
            context_.end_session();
            auto attached = attach_all();
            if (attached)
                break;
            if (!may_come_back(attached.error()))
                return std::move(attached).error().while_doing("go on with the forward after this: " + lost_);
            say_again("forward: " + attached.error().message + "; it is tried again");
        }
        context_.note("forward: connected again");
        return 0;
    }

    static std::chrono::milliseconds longer(std::chrono::milliseconds pause)
    {
        return std::clamp(pause * 2, first_pause, longest_pause);
    }

    /// The daemon, or an agent that has too much to do, or one that is started again with its machine.
    static bool may_come_back(const sdk::Error& why)
    {
        return why.code == sdk::Code::unavailable || why.code == sdk::Code::timed_out;
    }

    int pause()
    {
        pollfd watch{signals_.descriptor(), POLLIN, 0};
        if (::poll(&watch, 1, static_cast<int>(pause_.count())) > 0)
            signals_.read();
        return signals_.stop_seen().value_or(0);
    }

    [[nodiscard]] bool any_lost() const
    {
        return std::any_of(lines_.begin(), lines_.end(), [](const Line& line) { return !line.held; });
    }

    /// For news of a forward, or the signal that ends all.
    sdk::Result<int> wait()
    {
        std::vector<pollfd> watch{{signals_.descriptor(), POLLIN, 0}};
        for (const auto& line : lines_)
            watch.push_back({line.held.get(), POLLIN, 0});
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return sdk::os_error("wait for news of the forward");
        if (watch.front().revents != 0)
            signals_.read();
        auto news_of = watch.begin();
        for (auto& line : lines_)
            if ((++news_of)->revents != 0)
                if (auto read = read_news(line); !read)
                    return std::move(read).error();
        return signals_.stop_seen().value_or(0);
    }

    sdk::Result<void> read_news(Line& line)
    {
        std::array<char, agent::frame_header_size + agent::max_frame_payload> bytes;
        const auto got = ::recv(line.held.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return {};
        if (got <= 0)
            return lose(line, sdk::make_error(sdk::Code::unavailable, "the daemon went away"));
        agent::FrameReader reader;
        sdk::Result<void> outcome;
        auto read = reader.feed({bytes.data(), static_cast<std::size_t>(got)},
                                [&](agent::FrameType type, std::string_view payload) {
                                    auto said = json::parse_object(payload, "what the daemon says of a forward");
                                    const sdk::Error error = said ? json::to_error(*said) : std::move(said).error();
                                    if (type == agent::FrameType::notice)
                                        tell(line, error);
                                    else
                                        outcome = lose(line, error);
                                    return true;
                                });
        return read ? outcome : read;
    }

    /// What may come back is waited for; the rest is the end.
    sdk::Result<void> lose(Line& line, const sdk::Error& why)
    {
        line.held.reset();
        lost_ = why.message;
        if (may_come_back(why) || why.code == sdk::Code::cancelled)
            return {};
        return why;
    }

    void tell(const Line& line, const sdk::Error& error)
    {
        say_again("forward " + written(line) + ": " + error.message);
    }

    void say_again(const std::string& text)
    {
        if (text == told_ && Clock::now() - told_at_ < news)
            return;
        told_ = text;
        told_at_ = Clock::now();
        context_.note(text);
    }

    [[nodiscard]] std::string listen_text(const Line& line) const
    {
        if (line.socket)
            return line.socket->where().text();
        ForwardEnd listen = line.spec->listen;
        listen.port = line.guest_port;
        if (listen.path.empty() && guest_address(listen.host).empty())
            listen.host = "127.0.0.1";
        return listen.text();
    }

    [[nodiscard]] static std::string target_text(const Line& line)
    {
        ForwardEnd target = line.spec->target;
        if (target.path.empty() && target.host.empty())
            target.host = "localhost";
        return target.text();
    }

    [[nodiscard]] std::string written(const Line& line) const
    {
        const bool to_guest = line.socket.has_value();
        return (to_guest ? "" : verb_.vm + ":") + listen_text(line) + " -> " + (to_guest ? verb_.vm + ":" : "") +
               target_text(line);
    }

    [[nodiscard]] sdk::Result<void> show() const
    {
        std::string text;
        json::Array list;
        for (const auto& line : lines_) {
            text += written(line) + "\n";
            const std::uint16_t port = line.socket ? line.socket->where().port : line.guest_port;
            json::Object each;
            each.set("to", line.socket ? "guest" : "host").set("listen", listen_text(line));
            each.set("port", static_cast<unsigned>(port)).set("target", target_text(line));
            list.add(each);
        }
        json::Object all;
        all.set("vm", verb_.vm).set("forwards", list);
        return context_.print(context_.json() ? json::to_pretty(all.value()) : text);
    }

    const VmForward& verb_;
    Context& context_;
    Signals& signals_;
    std::list<Line> lines_;
    Clock::time_point attached_;
    std::chrono::milliseconds pause_{0};
    std::string lost_;  ///< why one was lost last
    std::string told_;
    Clock::time_point told_at_;
};

}  // namespace

Syntax VmForward::syntax()
{
    Syntax syntax;
    syntax.path = "vm forward";
    syntax.summary = "connect ports and sockets of this host and of a machine";
    syntax.description =
        "A FORWARD is LISTEN:TARGET: connections to LISTEN on this host go to TARGET in the machine. With -R it is the other "
        "way round. LISTEN is [ADDRESS:]PORT, on 127.0.0.1 unless given (* is every address, port 0 one that is free), or "
        "the path of a Unix socket that is made and removed again; TARGET is PORT, HOST:PORT or the path of a Unix socket. "
        "An IPv6 address stands in brackets. It goes on until Ctrl-C; if the daemon or the machine's agent goes away "
        "meanwhile, it is set up again.";
    syntax.operands = {{"VM"}, {"FORWARD", Operand::Count::any}};
    syntax.options = {{"local", 'L', "FORWARD", "as without it: from this host into the machine", {}, true},
                      {"remote", 'R', "FORWARD", "from the machine to this host", {}, true}};
    syntax.examples = {{"banger vm forward web 8080:80", "http://127.0.0.1:8080/ here is port 80 there"},
                       {"banger vm forward web 0:/run/postgresql/.s.PGSQL.5432", "a free port here, a Unix socket there"},
                       {"banger vm forward web -R 5432:5432 -R 9000:build.example:9000", "the machine reaches what we do"}};
    return syntax;
}

sdk::Result<VmForward> VmForward::parse(const Arguments& arguments)
{
    VmForward verb;
    auto vm = parse_vm(arguments.operand(0));
    if (!vm)
        return std::move(vm).error();
    verb.vm = std::move(*vm);
    auto to_guest = arguments.values("local");
    to_guest.insert(to_guest.begin(), arguments.operands().begin() + 1, arguments.operands().end());
    for (const auto& [to, texts] :
         {std::pair{ForwardSpec::To::guest, to_guest}, {ForwardSpec::To::host, arguments.values("remote")}})
        for (const auto& text : texts) {
            auto forward = parse_forward(to, text);
            if (!forward)
                return std::move(forward).error();
            verb.forwards.push_back(std::move(*forward));
        }
    if (verb.forwards.empty())
        return sdk::make_error(sdk::Code::invalid, "there is nothing to forward",
                               "say from where to where: `banger vm forward " + shell_quoted(verb.vm) + " 8080:80`");
    return verb;
}

sdk::Result<Exit> run(const VmForward& verb, Context& context)
{
    // Also between two sessions, which take them as well: what was made here is to be removed.
    auto signals = Signals::take();
    if (!signals)
        return std::move(signals).error();
    return Forwarding(verb, context, *signals).run();
}

}  // namespace banger::cli
