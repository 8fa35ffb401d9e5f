// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/daemon_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/own_program.hpp"
#include "cli/unreachable_daemon.hpp"
#include "core/config/config.hpp"
#include "core/config/paths.hpp"
#include "core/rpc/build.hpp"

namespace banger::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds stop_patience{15};
constexpr int ready_number = 3;  ///< the daemon's descriptor to say on that it is ready

std::string directory_of(const std::string& path)
{
    return path.substr(0, path.rfind('/'));
}

// Beside this program in a build tree; where `make install` puts it otherwise.
sdk::Result<std::string> daemon_program()
{
    const char* named =
        std::getenv("BANGER_DAEMON");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    if (named != nullptr && *named != '\0') {
        // Absolute, because the daemon starts in another directory.
        const std::unique_ptr<char, decltype(&std::free)> path(::realpath(named, nullptr), &std::free);
        if (path == nullptr || ::access(path.get(), X_OK) != 0)
            return sdk::os_error("run the daemon " + std::string(named) + ", which BANGER_DAEMON names");
        return std::string(path.get());
    }
    auto own = own_program();
    if (!own)
        return own;
    const std::string here = directory_of(*own);
    for (const auto& candidate : {here + "/bangerd", here + "/" BANGER_LIBEXEC_FROM_BIN "/bangerd"})
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    return sdk::make_error(sdk::Code::not_found, "there is no bangerd beside " + *own, "install banger again");
}

/// One caller at a time starts or replaces the daemon; the others wait here and then find it running.
sdk::Result<sdk::os::UniqueFd> lock_start(const config::Paths& paths)
{
    if (auto trusted = paths.check(); !trusted)
        return std::move(trusted).error();
    if (auto made = sdk::os::make_private_directory(paths.runtime); !made)
        return std::move(made).error();
    auto lock = sdk::os::open_file(paths.runtime + "/start.lock", O_RDWR | O_CREAT);
    if (!lock)
        return lock;
    while (::flock(lock->get(), LOCK_EX) != 0)
        if (errno != EINTR)
            return sdk::os_error("lock " + paths.runtime + "/start.lock");
    return lock;
}

sdk::Result<sdk::os::UniqueFd> open_log(const std::string& path)
{
    constexpr off_t large = 8 << 20;
    struct stat old {};
    if (::stat(path.c_str(), &old) == 0 && old.st_size > large)
        (void)::rename(path.c_str(), (path + ".old").c_str());
    return sdk::os::open_file(path, O_WRONLY | O_CREAT | O_APPEND);
}

// Readable before the deadline, or an error.
sdk::Result<void> wait_readable(int descriptor, Clock::time_point deadline, const std::string& what)
{
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd watch{descriptor, POLLIN, 0};
        const int count = ::poll(&watch, 1, static_cast<int>(std::max<long>(left, 0)));
        if (count > 0)
            return {};
        if (count == 0)
            return sdk::make_error(sdk::Code::timed_out, what + " in time", "look at `banger daemon logs`");
        if (errno != EINTR)
            return sdk::os_error("poll");
    }
}

/// What the daemon says when it is ready ("ok") or cannot start (an error as JSON). It ends with a newline, or with the
/// daemon.
sdk::Result<std::string> read_verdict(int descriptor)
{
    const auto deadline = Clock::now() + start_patience;
    std::string said;
    while (said.find('\n') == std::string::npos) {
        if (auto ready = wait_readable(descriptor, deadline, "the daemon did not get ready"); !ready)
            return std::move(ready).error();
        std::array<char, 4096> bytes{};
        const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
        if (got < 0 && errno != EINTR)
            return sdk::os_error("hear from the daemon");
        if (got == 0)
            break;
        if (got > 0)
            said.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return said.substr(0, said.find('\n'));
}

// The last line of what the daemon wrote, for a daemon that died without a word to us.
std::string last_line(const std::string& path)
{
    auto log = sdk::os::read_file(path);
    if (!log)
        return {};
    const auto end = log->find_last_not_of("\n ");
    if (end == std::string::npos)
        return {};
    const auto begin = log->rfind('\n', end);
    return log->substr(begin == std::string::npos ? 0 : begin + 1,
                       end - (begin == std::string::npos ? 0 : begin + 1) + 1);
}

sdk::Error did_not_start(const std::string& verdict, const config::Paths& paths)
{
    auto error = sdk::make_error(sdk::Code::unavailable, "the daemon ended before it was ready");
    if (auto said = json::parse_object(verdict, "the daemon's answer"); said)
        error = json::to_error(*said);
    else if (const auto line = last_line(paths.log_file()); !line.empty())
        error.message += ": " + line;
    return std::move(error).while_doing("start the daemon").with_hint("look at `banger daemon logs`");
}

sdk::Result<void> start_daemon(const config::Paths& paths)
{
    auto program = daemon_program();
    if (!program)
        return std::move(program).error();
    auto log = open_log(paths.log_file());
    if (!log)
        return std::move(log).error().while_doing("start the daemon");
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    const sdk::os::UniqueFd hear(ends[0]);
    sdk::os::UniqueFd say(ends[1]);

    sdk::os::Command command;
    command.argv = {*program, "--ready-fd", std::to_string(ready_number)};
    command.directory = "/";
    // A relative BANGER_HOME means another place from another directory.
    const char* home = std::getenv("BANGER_HOME");  // NOLINT(concurrency-mt-unsafe)
    if (home != nullptr && *home != '\0')
        command.environment = {{"BANGER_HOME", directory_of(paths.config_file)}};
    command.out = log->get();
    command.err = log->get();
    command.descriptors = {{say.get(), ready_number}};
    auto started = sdk::os::spawn_detached(command);
    say.reset();
    auto verdict = read_verdict(hear.get());
    if (verdict && *verdict == "ok")
        return {};
    // A daemon that is already gone cannot be identified; its own words are the better reason.
    if (verdict && verdict->empty() && !started && started.error().code != sdk::Code::unavailable)
        return std::move(started).error().while_doing("start the daemon");
    if (!verdict)
        return std::move(verdict).error();
    return did_not_start(*verdict, paths);
}

sdk::Result<rpc::Client> start_and_connect(const config::Paths& paths)
{
    auto started = start_daemon(paths);
    auto client = rpc::Client::connect(paths.socket());
    // Somebody else may have started one by hand: then ours says that there is one, and all is well.
    if (client || started)
        return client;
    if (started.error().code != sdk::Code::exists)
        return std::move(started).error();
    auto ended = stop_unreachable_daemon(paths);
    if (!ended)
        return std::move(ended).error().while_doing("replace the daemon, whose socket is gone");
    if (!*ended)
        return std::move(started).error();
    if (auto again = start_daemon(paths); !again)
        return std::move(again).error();
    return rpc::Client::connect(paths.socket());
}

// How a daemon that runs differs from the one that would be started in its place.
enum class Match { same, other_settings, other_build, foreign };

Match compare(const json::Value& status, const config::Paths& paths)
{
    if (json::string_or(status, "build") != rpc::build_id())
        return json::find_int(status, "protocol") == rpc::protocol_version ? Match::other_build : Match::foreign;
    return json::string_or(status, "config") == config::stamp_of(paths.config_file) ? Match::same : Match::other_settings;
}

// The runtime directory is the user's, and the state directory follows HOME: with another HOME a command would be carried
// out on machines that it does not mean.
sdk::Result<void> check_home(const json::Value& status, const config::Paths& paths)
{
    const std::string home = json::string_or(status, "home", paths.state);
    if (home == paths.state)
        return {};
    return sdk::make_error(sdk::Code::precondition,
                           "the daemon at " + paths.socket() + " has its machines in " + home + ", and not in " +
                               paths.state,
                           "give each a BANGER_HOME, or an XDG_RUNTIME_DIR, of its own");
}

// Whether the daemon at the other end runs the very file that would be started in its place.
bool runs_our_program(const rpc::Client& client)
{
    auto program = daemon_program();
    auto peer = sdk::os::peer_of(client.descriptor());
    struct stat ours {};
    struct stat theirs {};
    return program && peer && ::stat(program->c_str(), &ours) == 0 &&
           ::stat(("/proc/" + std::to_string(peer->pid) + "/exe").c_str(), &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

// With the start lock held.
sdk::Result<rpc::Client> replace(const config::Paths& paths, rpc::Client old, Match match, const Note& note)
{
    const bool understood = match != Match::foreign;
    // Replacing it by itself would change nothing, and do so at every command.
    if (match != Match::other_settings && runs_our_program(old)) {
        if (understood)
            return old;
        return sdk::make_error(sdk::Code::precondition, "banger and the bangerd beside it are of different versions",
                               "install banger again");
    }
    auto stopped = stop_daemon(std::move(old), true);
    if (stopped)
        return start_and_connect(paths);
    if (!understood)
        return std::move(stopped).error().while_doing("replace the daemon, which is of another version");
    if (match == Match::other_settings)
        note(paths.config_file + " has changed, and the daemon is busy: it keeps its old settings until it is not");
    return rpc::Client::connect(paths.socket());
}

sdk::Result<rpc::Client> reach_with_lock(const config::Paths& paths, const Note& note)
{
    auto lock = lock_start(paths);
    if (!lock)
        return std::move(lock).error().while_doing("start the daemon");
    auto client = rpc::Client::connect(paths.socket());
    if (!client)
        return start_and_connect(paths);
    auto status = daemon_status(*client);
    if (!status)
        return std::move(status).error();
    if (auto ours = check_home(*status, paths); !ours)
        return std::move(ours).error();
    const Match match = compare(*status, paths);
    if (match == Match::same)
        return client;
    return replace(paths, std::move(*client), match, note);
}

}  // namespace

sdk::Result<json::Document> daemon_status(rpc::Client& client)
{
    auto reply = client.call("daemon.status", json::Object());
    if (!reply)
        return std::move(reply).error();
    return std::move(reply->result);
}

sdk::Result<rpc::Client> reach_daemon(const Note& note)
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto client = rpc::Client::connect(paths->socket());
    if (client) {
        auto status = daemon_status(*client);
        if (status && check_home(*status, *paths) && compare(*status, *paths) == Match::same)
            return client;
        client = sdk::make_error(sdk::Code::unavailable, "to be replaced");  // its connection is closed here
    }
    return reach_with_lock(*paths, note);
}

sdk::Result<std::optional<rpc::Client>> find_daemon()
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto client = rpc::Client::connect(paths->socket());
    if (!client)
        return std::optional<rpc::Client>();
    if (auto status = daemon_status(*client))
        if (auto ours = check_home(*status, *paths); !ours)
            return std::move(ours).error();
    return std::optional<rpc::Client>(std::move(*client));
}

sdk::Result<void> stop_daemon(rpc::Client client, bool if_idle)
{
    auto peer = sdk::os::peer_of(client.descriptor());
    if (!peer)
        return std::move(peer).error();
    // Opened while the daemon certainly lives, so that it is its end that is waited for.
    const sdk::os::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, peer->pid, 0U)));
    if (!process)
        return sdk::os_error("watch the daemon");
    json::Object params;
    params.set("if_idle", if_idle);
    auto reply = client.call("daemon.stop", params);
    if (!reply && reply.error().code != sdk::Code::unavailable)  // it may be gone before its answer is read
        return std::move(reply).error();
    return wait_readable(process.get(), Clock::now() + stop_patience, "the daemon did not stop");
}

}  // namespace banger::cli
