// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "containment.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>

#include "banger/sdk/os/process.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;
using Clock = std::chrono::steady_clock;

constexpr int lifeline = 3;  // in the child
constexpr auto patience = std::chrono::seconds(10);

// Process 1 of the namespace. kill(2): -1 is everybody in the namespace but process 1 and the caller.
// setsid(1), because mmdebstrap hangs up its whole process group when its reader is gone.
// On disk the scratch may hold files of other users of the range, which only root in here can remove.
constexpr const char* first_process = R"(
scratch=$1 memory=$2; shift 2
if [ -n "$memory" ]; then mount -t tmpfs -o "size=$memory,mode=0755" scratch "$scratch" || exit 126; fi
( read -r _ <&3; kill -s KILL -- -1 ) >/dev/null 2>&1 &
exec 3<&-
setsid "$@"
status=$?
if [ -z "$memory" ]; then find "$scratch" -xdev -mindepth 1 -delete; fi
exit $status
)";

std::vector<std::string> unshare_arguments()
{
    std::vector<std::string> argv{"unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"};
    if (::geteuid() != 0)
        argv.insert(argv.end(), {"--user", "--map-root-user", "--map-auto"});
    return argv;
}

std::vector<std::string> command_line(const Contained& contained)
{
    std::vector<std::string> argv{"env", "-i"};
    for (const auto& [name, value] : contained.environment)
        argv.push_back(name + "=" + value);
    const auto unshare = unshare_arguments();
    argv.insert(argv.end(), unshare.begin(), unshare.end());
    argv.insert(argv.end(), {"sh", "-c", first_process, "sh", contained.scratch, contained.scratch_memory});
    argv.insert(argv.end(), contained.argv.begin(), contained.argv.end());
    return argv;
}

struct Pipe {
    os::UniqueFd read;
    os::UniqueFd write;
};

Result<Pipe> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    return Pipe{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
}

/// Reads the child's standard error until it ends, and lets go of the lifeline when the call is cancelled.
class Watch {
public:
    Watch(const os::Child& child, os::UniqueFd errors, os::UniqueFd line, sdk::Call& call)
        : child_(child), errors_(std::move(errors)), lifeline_(std::move(line)), call_(call)
    {
    }

    Result<void> until_it_ends(const std::function<void(std::string_view)>& on_line)
    {
        for (;;) {
            std::array<pollfd, 3> watch{{{errors_.get(), POLLIN, 0},
                                         {child_.pidfd(), POLLIN, 0},
                                         {lifeline_ ? call_.cancel_descriptor() : -1, POLLIN, 0}}};
            const int ready = ::poll(watch.data(), watch.size(), milliseconds_left());
            if (ready < 0 && errno == EINTR)
                continue;
            if (ready < 0)
                return sdk::os_error("poll");
            if (ready == 0) {
                child_.kill_group(SIGKILL);  // it did not end by itself; its namespace ends with it
                deadline_ = Clock::time_point::max();
            }
            if (watch[2].revents != 0) {
                lifeline_.reset();
                deadline_ = Clock::now() + patience;
            }
            if (watch[0].revents != 0 && !take(on_line))
                errors_.reset();
            // What it printed last is read before its end counts.
            if (watch[1].revents != 0 && watch[0].revents == 0)
                return {};
        }
    }

private:
    [[nodiscard]] int milliseconds_left() const
    {
        if (deadline_ == Clock::time_point::max())
            return -1;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        return static_cast<int>(std::max<long>(left, 0));
    }

    bool take(const std::function<void(std::string_view)>& on_line)
    {
        std::array<char, 16384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        const ssize_t got = ::read(errors_.get(), buffer.data(), buffer.size());
        if (got <= 0)
            return got < 0 && errno == EINTR;
        pending_.append(buffer.data(), static_cast<std::size_t>(got));
        std::size_t at = 0;
        for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', at)) {
            on_line(std::string_view(pending_).substr(at, end - at));
            at = end + 1;
        }
        pending_.erase(0, at);
        return true;
    }

    const os::Child& child_;
    os::UniqueFd errors_;
    os::UniqueFd lifeline_;
    sdk::Call& call_;
    std::string pending_;
    Clock::time_point deadline_ = Clock::time_point::max();
};

}  // namespace

Result<int> run_contained(const Contained& contained, sdk::Call& call,
                          const std::function<void(std::string_view)>& on_line)
{
    auto errors = make_pipe();
    auto line = make_pipe();
    if (!errors || !line)
        return sdk::os_error("make a pipe");
    os::Command command;
    command.argv = command_line(contained);
    command.directory = contained.directory;
    command.out = contained.output;
    command.err = errors->write.get();
    command.descriptors = {{line->read.get(), lifeline}};
    auto child = os::spawn(command);
    if (!child)
        return std::move(child).error();
    errors->write.reset();
    line->read.reset();

    auto watched = Watch(*child, std::move(errors->read), std::move(line->write), call).until_it_ends(on_line);
    if (!watched)
        child->kill_group(SIGKILL);
    auto status = child->wait();
    if (!watched)
        return std::move(watched).error();
    if (call.cancelled())
        return sdk::make_error(Code::cancelled, "cancelled");
    return status;
}

Result<void> check_containment(sdk::Call& call)
{
    os::Command command;
    command.argv = unshare_arguments();
    command.argv.emplace_back("true");
    os::RunLimits limits;
    limits.timeout = std::chrono::seconds(10);
    limits.cancel_descriptor = call.cancel_descriptor();
    auto done = os::run_checked(std::move(command), {}, limits);
    if (done)
        return {};
    auto error = sdk::make_error(
        Code::permission, "no permission to make the namespaces in which an image is built: " + done.error().message);
    error.hint = ::geteuid() == 0
                     ? "root needs CAP_SYS_ADMIN for it, which some containers take away"
                     : "`apt install uidmap`, give yourself a range of ids (`sudo usermod --add-subuids 100000-165535 "
                       "--add-subgids 100000-165535 $USER`), and let users make namespaces";
    return error;
}

}  // namespace banger::debian
