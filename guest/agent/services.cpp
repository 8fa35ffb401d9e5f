// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/services.hpp"

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "guest/agent/attach_exchange.hpp"
#include "guest/agent/configure.hpp"
#include "guest/agent/connect_exchange.hpp"
#include "guest/agent/console.hpp"
#include "guest/agent/control_group.hpp"
#include "guest/agent/exec_exchange.hpp"
#include "guest/agent/file_exchanges.hpp"
#include "guest/agent/guest_init.hpp"
#include "guest/agent/health.hpp"
#include "guest/agent/listen_exchange.hpp"
#include "guest/agent/listeners_exchange.hpp"
#include "guest/agent/put_exchange.hpp"
#include "guest/agent/refused_exchange.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

/// Before the init hears that the machine stops, and ends them by its own rules. Much less than a stop has in all: the init needs
/// the rest for the guest's services.
constexpr std::chrono::seconds time_for_sessions{3};

std::string read_rest(const sdk::os::UniqueFd& pipe)
{
    std::array<char, 1024> piece;
    std::string text;
    ssize_t count = 0;
    while ((count = read(pipe.get(), piece.data(), piece.size())) > 0)
        text.append(piece.data(), static_cast<std::size_t>(count));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

std::string state_json(const std::string& state)
{
    return JsonText().begin_object().member("state", state).end_object().str();
}

sdk::Error not_configured()
{
    return sdk::make_error(sdk::Code::precondition, "the guest is still being started", "try again in a moment");
}

Launch root_command(std::vector<std::string> argv)
{
    ExecSpec spec;
    spec.argv = std::move(argv);
    spec.cwd = "/";
    return launch_of(spec, Account{"root", 0, 0, "/root", "/bin/sh", {0}});
}

}  // namespace

void Services::serve()
{
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, end_signal);
    sigprocmask(SIG_BLOCK, &awaited, nullptr);
    const sdk::os::UniqueFd asked(signalfd(-1, &awaited, SFD_CLOEXEC | SFD_NONBLOCK));
    const auto watch = loop_.watch(asked.get(), EPOLLIN, [&](std::uint32_t) {
        signalfd_siginfo taken;
        if (read(asked.get(), &taken, sizeof taken) != sizeof taken)
            return;
        sessions_.machine_stops();
        sessions_.end_all(CommandSession::patience_for_disk, [this] { loop_.stop(); });
    });
    loop_.run();
}

Router Services::router()
{
    return [this](const std::string& path, Stream& stream) { return route(path, stream); };
}

std::unique_ptr<Exchange> Services::route(const std::string& path, Stream& stream)
{
    const bool framed = path == "/v0/exec" || path == "/v0/write" || path == "/v0/read" || path == "/v0/put" ||
                        path == "/v0/connect" || path == "/v0/listen" || path == "/v0/listeners" ||
                        path == "/v0/session/attach";
    // Until its root is there, all this would happen in the initramfs.
    if (framed && guest_ != nullptr && guest_->init.empty())
        return std::make_unique<RefusedExchange>(stream, not_configured());
    if (guest_ != nullptr && guest_->init == "systemd" && (path == "/v0/exec" || path == "/v0/session/start"))
        leave_init_scope();
    if (path == "/v0/exec")
        return std::make_unique<ExecExchange>(stream, loop_, processes_);
    if (path == "/v0/write")
        return std::make_unique<WriteExchange>(stream, processes_);
    if (path == "/v0/read")
        return std::make_unique<ReadExchange>(stream);
    if (path == "/v0/put")
        return std::make_unique<PutExchange>(stream);
    if (path == "/v0/connect")
        return std::make_unique<ConnectExchange>(stream, loop_, accepted_);
    if (path == "/v0/listen")
        return std::make_unique<ListenExchange>(stream, loop_, accepted_);
    if (path == "/v0/listeners")
        return std::make_unique<ListenersExchange>(stream, loop_);
    if (path == "/v0/session/attach")
        return std::make_unique<AttachExchange>(stream, sessions_);
    if (auto handler = session_call(path))
        return std::make_unique<JsonExchange>(stream, std::move(handler));
    if (path == "/v0/health")
        return std::make_unique<JsonExchange>(
            stream, [this](const std::string& body, const Reply& reply) { health(body, reply); });
    if (auto handler = guest_ != nullptr ? guest_call(path) : nullptr)
        return std::make_unique<JsonExchange>(stream, std::move(handler));
    return nullptr;
}

JsonExchange::Handler Services::guest_call(const std::string& path)
{
    if (path == "/v0/configure")
        return [this](const std::string& body, const Reply& reply) { configure(body, reply); };
    if (path == "/v0/ready")
        return [this](const std::string&, const Reply& reply) { ready(reply); };
    if (path == "/v0/shutdown")
        return [this](const std::string& body, const Reply& reply) { shutdown(body, reply); };
    if (path == "/v0/sync")
        return [this](const std::string&, const Reply& reply) { sync(reply); };
    return nullptr;
}

JsonExchange::Handler Services::session_call(const std::string& path)
{
    using Call = void (Services::*)(const std::string&, const Reply&);
    static constexpr std::array<std::pair<std::string_view, Call>, 4> calls{{
        {"/v0/session/start", &Services::start_session},
        {"/v0/session/list", &Services::list_sessions},
        {"/v0/session/signal", &Services::signal_session},
        {"/v0/session/stop", &Services::stop_session},
    }};
    for (const auto& [name, call] : calls)
        if (name == path)
            return [this, call = call](const std::string& body, const Reply& reply) {
                if (guest_ != nullptr && guest_->init.empty())
                    return reply(not_configured());
                (this->*call)(body, reply);
            };
    return nullptr;
}

void Services::start_session(const std::string& body, const Reply& reply)
{
    auto spec = session_spec_from_json(body);
    if (!spec)
        return reply(std::move(spec.error()));
    sessions_.start(std::move(*spec), [reply](sdk::Result<SessionFacts> facts) {
        if (!facts)
            return reply(std::move(facts.error()));
        reply(to_json(*facts));
    });
}

void Services::list_sessions(const std::string& body, const Reply& reply)
{
    auto document = parse_object(body, "the question for sessions");
    if (!document)
        return reply(std::move(document.error()));
    const auto name = Fields(*document, "the question for sessions").text("name");
    sessions_.when_known([this, name, reply] {
        if (name.empty())
            return reply(to_json(sessions_.list()));
        auto session = sessions_.find(name);
        if (!session)
            return reply(std::move(session.error()));
        reply(to_json(std::vector<SessionFacts>{(*session)->facts()}));
    });
}

void Services::order_session(const std::string& body, const Reply& reply,
                             const std::function<void(CommandSession&, const SessionOrder&)>& carry_out)
{
    auto order = session_order_from_json(body);
    if (!order)
        return reply(std::move(order.error()));
    sessions_.when_known([this, order = std::move(*order), reply, carry_out] {
        auto session = sessions_.find(order.name);
        if (!session)
            return reply(std::move(session.error()));
        carry_out(**session, order);
    });
}

void Services::signal_session(const std::string& body, const Reply& reply)
{
    order_session(body, reply, [reply](CommandSession& session, const SessionOrder& order) {
        if (auto sent = session.signal(order.signal); !sent)
            return reply(std::move(sent.error()));
        reply(to_json(session.facts()));
    });
}

void Services::stop_session(const std::string& body, const Reply& reply)
{
    order_session(body, reply, [reply](CommandSession& session, const SessionOrder& order) {
        // It is what calls back, and so is still there.
        session.stop(std::chrono::milliseconds(order.timeout_ms), [reply, &session] { reply(to_json(session.facts())); });
    });
}

void Services::configure(const std::string& body, const Reply& reply)
{
    auto configuration = configuration_from_json(body);
    if (!configuration)
        return reply(std::move(configuration.error()));
    const double start = since_boot_ms();
    auto facts = agent::configure(*configuration, *guest_);
    if (!facts) {
        say_on_console(facts.error().message);
        return reply(std::move(facts.error()));
    }
    // Last: until then whoever knows the old secret can try again.
    if (const auto token = token_from_hex(configuration->token); token && take_token_)
        take_token_(*token);
    guest_->timeline.add("configure", start, since_boot_ms());
    facts->spans = guest_->timeline.spans();
    reply(to_json(*facts));
    release_init(*guest_);
}

void Services::health(const std::string& body, const Reply& reply)
{
    auto document = parse_object(body, "the health request");
    if (!document)
        return reply(std::move(document.error()));
    const std::string init = guest_ != nullptr ? guest_->init : "host";
    if (!Fields(*document, "the health request").flag("init_state"))
        return reply(health_json(init));
    if (init != "systemd")
        return reply(health_json(init, init.empty() ? "not started" : "running"));
    ask_systemd(false, [init, reply](sdk::Result<std::string> state) {
        reply(health_json(init, state ? *state : "unknown"));
    });
}

void Services::when_systemd_listens(std::function<void()> then)
{
    // The manager makes this socket once it takes requests; before, it would lose a signal as well.
    waiters_.push_back(std::make_unique<PathWaiter>(loop_, "/run/systemd/private", std::move(then)));
    std::erase_if(waiters_, [](const auto& waiter) { return waiter->done(); });
}

void Services::ready(const Reply& reply)
{
    if (guest_->init.empty())
        return reply(not_configured());
    if (guest_->init != "systemd")
        return reply(state_json("running"));
    when_systemd_listens([this, reply] {
        ask_systemd(true, [reply](sdk::Result<std::string> state) {
            if (!state)
                return reply(std::move(state.error()));
            reply(state_json(*state));
        });
    });
}

void Services::ask_systemd(bool wait, std::function<void(sdk::Result<std::string>)> then)
{
    const auto pipes = std::make_shared<ProcessPipes>();
    std::vector<std::string> argv{"systemctl", "is-system-running"};
    if (wait)
        argv.emplace_back("--wait");
    auto started = processes_.spawn(root_command(std::move(argv)), [pipes, then](const ExitStatus& status) {
        // Its exit status is not 0 for a degraded system: the word on its stdout is the answer.
        auto state = read_rest(pipes->out);
        if (!state.empty())
            return then(std::move(state));
        then(sdk::make_error(sdk::Code::unavailable, "systemctl in the guest ended with status " +
                                                         std::to_string(status.shell_code()) + ": " +
                                                         read_rest(pipes->err)));
    });
    if (!started)
        return then(std::move(started.error()));
    *pipes = std::move(started->pipes);
    pipes->in.reset();
}

void Services::shutdown(const std::string& body, const Reply& reply)
{
    auto document = parse_object(body, "the shutdown request");
    if (!document)
        return reply(std::move(document.error()));
    Fields fields(*document, "the shutdown request");
    if (const auto how = fields.text("how"); !how.empty() && how != "poweroff")
        fields.refuse("how", "must be poweroff");
    if (auto verdict = fields.verdict(); !verdict)
        return reply(std::move(verdict.error()));
    if (guest_->init.empty())
        return reply(sdk::make_error(sdk::Code::precondition, "the guest has no init yet that could be told to stop",
                                     "kill the VM"));
    sessions_.machine_stops();
    reply(std::string("{}"));
    if (guest_->init == "banger")
        return power_off();  // it waits for us once it has ended all others
    if (std::exchange(init_is_to_hear_, true))
        return;
    // First: once the init ends processes, the machine may be off before how they ended is kept.
    sessions_.end_all(time_for_sessions, [this] {
        const auto tell_init = [this] {
            init_is_to_hear_ = false;
            power_off();
        };
        if (guest_->init == "systemd")
            when_systemd_listens(tell_init);
        else
            tell_init();
    });
}

void Services::power_off()
{
    const bool restart = ends_by_reboot();
    // systemd(1): SIGRTMIN+4 powers off, SIGRTMIN+5 restarts. Our own init takes the same ones.
    if (guest_->init == "systemd" || guest_->init == "banger") {
        kill(guest_->init_pid, SIGRTMIN + (restart ? 5 : 4));
        return;
    }
    outlive_shutdown();
    const std::string verb = restart ? "reboot" : "poweroff";
    for (const char* directory : {"/run/s6/basedir/bin/", "/sbin/", "/usr/sbin/", "/bin/"})
        if (const auto program = directory + verb; access(program.c_str(), X_OK) == 0) {
            [[maybe_unused]] const auto started = processes_.spawn(root_command({program}), nullptr);
            return;
        }
    kill(guest_->init_pid, SIGTERM);
}

void Services::sync(const Reply& reply)
{
    auto started = processes_.spawn_work(
        [] {
            ::sync();
            return 0;
        },
        [reply](const ExitStatus&) { reply(std::string("{}")); });
    if (!started)
        reply(std::move(started.error()));
}

}  // namespace banger::agent
