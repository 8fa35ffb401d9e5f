// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// A daemon without machines, for tests of the command line: it speaks docs/rpc.md over the real socket, and its
// "guests" are threads that speak frames. A call about the vm "held" is answered once "release" is called about. What was
// called is noted in the file "calls" below BANGER_HOME. BANGER_FAKE: "refuse" cannot start and says so, "die" ends
// without a word, "busy" will not stop while idle is asked for. BANGER_FAKE_BUILD is the build it claims to be.
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "core/config/config.hpp"
#include "core/config/paths.hpp"
#include "core/rpc/build.hpp"
#include "core/rpc/server.hpp"
#include "guest/protocol/frames.hpp"
#include "guest/protocol/json.hpp"
#include "tests/unit/cli/fake_answers.hpp"
#include "tests/unit/cli/fake_guest.hpp"

namespace banger::cli::testing {
namespace {

using ExchangePtr = std::shared_ptr<rpc::Exchange>;

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

class FakeDaemon {
public:
    FakeDaemon(config::Paths paths, sdk::os::UniqueFd listener)
        : paths_(std::move(paths)),
          server_(loop_, std::move(listener), [this](const ExchangePtr& exchange) { answer(exchange); })
    {
    }

    void run() { loop_.run(); }

private:
    void note(const ExchangePtr& exchange)
    {
        auto calls = sdk::os::open_file(paths_.state + "/../calls", O_WRONLY | O_CREAT | O_APPEND);
        if (calls)
            (void)sdk::os::write_all(calls->get(), exchange->method() + " " + json::to_text(exchange->params()) + "\n");
    }

    void answer(const ExchangePtr& exchange)
    {
        note(exchange);
        const std::string& method = exchange->method();
        if (method == "daemon.status")
            return exchange->reply(status_answer(environment("BANGER_FAKE_BUILD"), config_, paths_.state));
        if (method == "daemon.stop")
            return stop(exchange);
        if (method == "vm.create")
            return create(exchange);
        if (method == "vm.exec")
            return exec(exchange);
        if (method == "vm.session.attach")
            return attach(exchange);
        if (method == "vm.connect")
            return connect(exchange);
        if (method == "vm.forward")
            return forward(exchange);
        if (method == "vm.logs")
            return logs(exchange);
        const std::string vm = json::string_or(exchange->params(), "vm");
        if (vm == "held")
            return hold(exchange);
        if (vm == "release")
            release();
        auto result = canned_answer(method, exchange->params());
        if (result)
            return exchange->reply(*result);
        exchange->fail(result.error());
    }

    // Answered once "release" is asked about something; cancelled before that, it says so.
    void hold(const ExchangePtr& exchange)
    {
        json::Object progress;
        progress.set("stage", "holding").set("done", 0).set("total", 0).set("unit", "");
        exchange->notify("progress", progress.value());
        held_.push_back(exchange);
        exchange->on_cancel([exchange] {
            exchange->fail(sdk::make_error(sdk::Code::cancelled, "what was begun with vm 'held' is undone"));
        });
    }

    void release()
    {
        for (const auto& exchange : std::exchange(held_, {}))
            exchange->reply(vm_answer("held", "running"));
    }

    void stop(const ExchangePtr& exchange)
    {
        if (json::bool_or(exchange->params(), "if_idle") && environment("BANGER_FAKE") == "busy")
            return exchange->fail(sdk::make_error(sdk::Code::busy, "the daemon carries 1 stream"));
        exchange->reply(json::Object());
        boost::asio::post(loop_, [this] {
            server_.close();
            boost::asio::post(loop_, [this] { loop_.stop(); });
        });
    }

    void create(const ExchangePtr& exchange)
    {
        const std::string name = json::string_or(exchange->params(), "name");
        if (name == "taken")
            return exchange->fail(sdk::make_error(sdk::Code::exists, "there is a vm 'taken' already",
                                                  "choose another name, or delete it with `banger vm delete taken`"));
        if (name == "slow") {
            json::Object progress;
            progress.set("stage", "booting").set("done", 0).set("total", 0).set("unit", "");
            exchange->notify("progress", progress.value());
            return exchange->on_cancel([exchange] {
                exchange->fail(sdk::make_error(sdk::Code::cancelled, "creating vm 'slow' was cancelled"));
            });
        }
        json::Object spec;
        spec.set("name", name.empty() ? "brave-otter" : name).set("image", "debian-bookworm");
        spec.set("vcpus", 2).set("memory_mib", 2048).set("disk_bytes", std::uint64_t{8} << 30U);
        exchange->notify("spec", spec.value());
        for (const std::uint64_t done : {0, 50, 100}) {
            json::Object progress;
            progress.set("stage", "pulling image debian-bookworm").set("done", done << 20U);
            progress.set("total", std::uint64_t{100} << 20U).set("unit", "bytes");
            exchange->notify("progress", progress.value());
        }
        exchange->reply(vm_answer(name.empty() ? "brave-otter" : name, "running"));
    }

    void exec(const ExchangePtr& exchange)
    {
        if (json::string_or(exchange->params(), "vm") == "nobody")
            return exchange->fail(sdk::make_error(sdk::Code::not_found, "there is no vm 'nobody'"));
        auto [ours, theirs] = pair();
        std::thread(run_fake_guest, std::move(ours), json::to_text(exchange->params())).detach();
        reply_with(exchange, json::Object(), std::move(theirs));
    }

    void attach(const ExchangePtr& exchange)
    {
        auto [ours, theirs] = pair();
        std::thread(run_fake_session, std::move(ours), json::to_text(exchange->params())).detach();
        reply_with(exchange, json::Object(), std::move(theirs));
    }

    void connect(const ExchangePtr& exchange)
    {
        const std::string vm = json::string_or(exchange->params(), "vm");
        if (vm == "nossh")
            return exchange->fail(sdk::make_error(sdk::Code::unavailable, "nobody listens on port 22"));
        auto [ours, theirs] = pair();
        if (vm != "cut")
            std::thread(run_fake_port, std::move(ours)).detach();
        reply_with(exchange, json::Object(), std::move(theirs));
    }

    // Whoever connects hears "hello", and of the vm "broken" the one who listens that this failed, in words for his
    // terminal. "db" has stopped. The agent of "busy" is lost with the first caller, and has no time the next two times.
    void forward(const ExchangePtr& exchange)
    {
        const std::string vm = json::string_or(exchange->params(), "vm");
        const int times = vm == "busy" ? ++busy_times_ : 0;
        if (times == 2)
            return exchange->fail(sdk::make_error(sdk::Code::timed_out, "the guest's agent did not answer in time"));
        if (times == 3)
            return exchange->fail(sdk::make_error(sdk::Code::unavailable, "the guest's agent is not there"));
        auto [ours, theirs] = pair(SOCK_SEQPACKET);
        auto descriptors = exchange->take_descriptors();
        if (vm == "db")
            say(ours, agent::FrameType::error,
                sdk::make_error(sdk::Code::precondition, "vm 'db' is not running", "`banger vm start db` starts it"));
        else
            std::thread(
                [breaks = vm == "broken", lost = times == 1](sdk::os::UniqueFd held, std::vector<sdk::os::UniqueFd> listeners) {
                    std::array<pollfd, 2> watch{
                        {{held.get(), POLLIN, 0}, {listeners.empty() ? -1 : listeners.front().get(), POLLIN, 0}}};
                    while (::poll(watch.data(), watch.size(), -1) > 0 && watch[0].revents == 0) {
                        const sdk::os::UniqueFd caller(::accept4(watch[1].fd, nullptr, nullptr, SOCK_CLOEXEC));
                        (void)sdk::os::write_all(caller.get(), "hello");
                        if (lost)
                            return;
                        if (breaks)
                            say(held, agent::FrameType::notice,
                                sdk::make_error(sdk::Code::unavailable,
                                                "cannot connect to port 80 in the guest\x1b[2J\xc2\x9b" "A"));
                    }
                },
                std::move(ours), std::move(descriptors))
                .detach();
        json::Object result;
        result.set("port", json::string_or(exchange->params(), "to") == "host" ? 3000 : 0);
        reply_with(exchange, result, std::move(theirs));
    }

    static void say(const sdk::os::UniqueFd& to, agent::FrameType type, const sdk::Error& what)
    {
        std::string frame;
        agent::write_frame(frame, type, agent::error_to_json(what));
        (void)::send(to.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    }

    void logs(const ExchangePtr& exchange)
    {
        const std::string path = paths_.state + "/console.log";
        auto log = sdk::os::open_file(path, O_RDONLY | O_CREAT);
        if (!log)
            return exchange->fail(log.error());
        json::Object result;
        result.set("path", path);
        reply_with(exchange, result, std::move(*log));
    }

    static std::pair<sdk::os::UniqueFd, sdk::os::UniqueFd> pair(int type = SOCK_STREAM)
    {
        int ends[2];
        if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
            std::abort();
        return {sdk::os::UniqueFd(ends[0]), sdk::os::UniqueFd(ends[1])};
    }

    static void reply_with(const ExchangePtr& exchange, const json::Object& result, sdk::os::UniqueFd descriptor)
    {
        std::vector<sdk::os::UniqueFd> descriptors;
        descriptors.push_back(std::move(descriptor));
        exchange->reply(result, std::move(descriptors));
    }

    config::Paths paths_;
    std::string config_ = config::stamp_of(paths_.config_file);  // that of its start
    boost::asio::io_context loop_;
    rpc::Server server_;
    std::vector<ExchangePtr> held_;
    int busy_times_ = 0;
};

int main_of_fake(int ready)
{
    const auto say = [ready](const std::string& line) { (void)sdk::os::write_all(ready, line + "\n"); };
    const std::string how = environment("BANGER_FAKE");
    if (how == "die")
        return 3;
    auto paths = config::Paths::find();
    if (!paths || !paths->make())
        return 1;
    const auto refuse = [&](const sdk::Error& error) {
        say(json::from_error(error).text());
        return 1;
    };
    if (how == "refuse")
        return refuse(sdk::make_error(sdk::Code::corrupt, "the database cannot be read",
                                      "`banger vm recover --replace-database` begins a new one"));
    auto lock = sdk::os::open_file(paths->lock_file(), O_RDWR | O_CREAT);
    if (!lock || ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
        return refuse(sdk::make_error(sdk::Code::exists, "a daemon is running already"));
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(lock->get(), 0) != 0 || !sdk::os::write_all(lock->get(), pid))
        return 1;
    auto starts = sdk::os::open_file(paths->state + "/starts", O_WRONLY | O_CREAT | O_APPEND);
    (void)sdk::os::write_all(starts->get(), pid);
    auto listener = sdk::os::listen_unix(paths->socket());
    if (!listener)
        return refuse(listener.error());
    FakeDaemon daemon(*paths, std::move(*listener));
    say("ok");
    ::close(ready);
    daemon.run();
    return 0;
}

}  // namespace
}  // namespace banger::cli::testing

int main(int argc, char** argv)
{
    ::signal(SIGPIPE, SIG_IGN);
    ::alarm(120);  // a test that fails must not leave us behind
    if (argc != 3 || std::string_view(argv[1]) != "--ready-fd")
        return 2;
    const int status = banger::cli::testing::main_of_fake(std::atoi(argv[2]));
    ::_exit(status);  // guests may still be running in their threads
}
