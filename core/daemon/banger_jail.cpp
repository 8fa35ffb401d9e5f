// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Starts one program in a jail, as a user who is not root, and is then the first process in there (docs/decisions/0030). The
// root helper has systemd start it as a service of its own, with a socket as standard input: see core/privd/jail_order.hpp.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "core/privd/jail_order.hpp"
#include "core/privd/jail_room.hpp"

namespace banger::privd {
namespace {

using sdk::make_error;
using sdk::os_error;
using sdk::Result;
using sdk::os::UniqueFd;

constexpr int told_on = STDIN_FILENO;
constexpr unsigned first_other = STDERR_FILENO + 1;
constexpr std::size_t longest_order = 1U << 20U;

Result<JailOrder> receive_order()
{
    std::string text;
    std::array<char, 65536> piece{};
    while (!text.ends_with('\n')) {
        const ssize_t got = ::read(told_on, piece.data(), piece.size());
        if (got <= 0 || text.size() > longest_order)
            return make_error(sdk::Code::invalid, "nobody says what to start");
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return read_order(text);
}

void answer(const json::Object& what)
{
    (void)sdk::os::write_all(told_on, what.text() + "\n");
}

/// What the processes in the jail tell the one that made it, in messages: who is to become the program, by a message of
/// its own, and what went wrong. It ends when the program runs.
struct Report {
    UniqueFd in;
    UniqueFd out;

    static Result<Report> open()
    {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
            return os_error("make a socket");
        Report report{UniqueFd(ends[0]), UniqueFd(ends[1])};
        const int on = 1;
        if (::setsockopt(report.in.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
            return os_error("ask who writes to a socket");
        return report;
    }
};

constexpr std::string_view program_here = "here";

void tell(const Report& report, std::string_view what)
{
    (void)::send(report.out.get(), what.data(), what.size(), MSG_NOSIGNAL);
}

Result<void> become_user(const JailOrder& order, const std::set<gid_t>& needed)
{
    const std::vector<gid_t> groups(needed.begin(), needed.end());
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(order.group, order.group, order.group) != 0 ||
        ::setresuid(order.user, order.user, order.user) != 0)
        return os_error("become the user");
    if (order.user == 0 || ::setuid(0) == 0)
        return make_error(sdk::Code::permission, "a jailed program is not to be root");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return os_error("give up to gain rights");
    return {};
}

// Somebody reads it already, or it is an error.
Result<UniqueFd> open_stream(const std::string& name)
{
    auto stream = sdk::os::open_file(name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!stream)
        return stream;
    if (::fcntl(stream->get(), F_SETFL, 0) != 0)
        return os_error("open " + name);
    return stream;
}

// The program's own process, up to its first instruction.
Result<void> run(const JailOrder& order, int null)
{
    auto output = open_stream(order.spec.output);
    auto errors = open_stream(order.spec.errors);
    if (!output || !errors)
        return output ? std::move(errors).error() : std::move(output).error();
    ::umask(0177);  // sockets are made with all rights but these
    if (::setsid() < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(output->get(), STDOUT_FILENO) < 0 ||
        ::dup2(errors->get(), STDERR_FILENO) < 0)
        return os_error("give the program a session and its streams");
    std::vector<char*> argv;
    for (const auto& word : order.spec.argv)
        argv.push_back(const_cast<char*>(word.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    argv.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    // All else is closed with that: nobody knows what was inherited.
    constexpr unsigned close_on_exec = 1U << 2U;  // CLOSE_RANGE_CLOEXEC of close_range(2)
    if (::syscall(SYS_close_range, first_other, ~0U, close_on_exec) != 0)
        return os_error("close what was inherited");
    ::execve(argv.front(), argv.data(), environment.data());
    return os_error("run " + order.spec.argv.front());
}

// The first process in there, which the program's end ends, and all else with it (pid_namespaces(7)). A program that was
// itself the first would not be ended by a signal that it knows nothing of.
[[noreturn]] void keep(const JailOrder& order, const std::set<gid_t>& needed, int null, const Report& report)
{
    auto ready = become_user(order, needed);
    if (ready && ::chdir(order.spec.directory.c_str()) != 0)
        ready = os_error("enter " + order.spec.directory);
    const pid_t program = ready ? ::fork() : -1;
    if (ready && program < 0)
        ready = os_error("start the program");
    if (program == 0) {
        tell(report, program_here);
        ready = run(order, null);
    }
    if (!ready) {
        tell(report, json::from_error(ready.error()).text());
        ::_exit(1);
    }
    (void)::dup2(null, STDIN_FILENO);
    ::syscall(SYS_close_range, first_other, ~0U, 0U);
    int status = 0;
    while (::waitpid(program, &status, 0) < 0 && errno == EINTR) {
    }
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

struct Told {
    std::string text;  ///< empty at the end
    pid_t by = 0;      ///< as this process names it (unix(7), SCM_CREDENTIALS)
};

Told next_of(const Report& report)
{
    Told told;
    std::array<char, 4096> text{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    do
        got = ::recvmsg(report.in.get(), &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return told;
    told.text.assign(text.data(), static_cast<std::size_t>(got));
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_CREDENTIALS)
        told.by = reinterpret_cast<const ucred*>(CMSG_DATA(header))->pid;
    return told;
}

Result<pid_t> wait_for_program(const Report& report)
{
    pid_t pid = 0;
    for (Told told = next_of(report); !told.text.empty(); told = next_of(report)) {
        if (told.text != program_here) {
            auto error = json::parse_object(told.text, "what a jail reports");
            return error ? json::to_error(*error) : std::move(error).error();
        }
        pid = told.by;
    }
    if (pid == 0)
        return make_error(sdk::Code::internal, "the jail's first process ended before the program was there");
    return pid;
}

Result<pid_t> start()
{
    auto order = receive_order();
    if (!order)
        return std::move(order).error();
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null)
        return os_error("open /dev/null");
    auto report = Report::open();
    if (!report)
        return std::move(report).error();
    auto needed = enter_room(order->spec.files, {order->user, order->group, order->groups});
    if (!needed)
        return std::move(needed).error();
    // Those that come are in there; this process stays where it names them as the host does.
    if (::unshare(CLONE_NEWPID | CLONE_NEWIPC) != 0)
        return os_error("make a namespace for processes");
    const pid_t first = ::fork();
    if (first < 0)
        return os_error("start the first process");
    if (first == 0)
        keep(*order, *needed, null.get(), *report);
    report->out.reset();
    return wait_for_program(*report);
}

}  // namespace
}  // namespace banger::privd

int main()
{
    using namespace banger;
    const auto started = privd::start();
    json::Object said;
    if (started)
        said.set("pid", static_cast<std::uint64_t>(*started));
    else
        said.set("error", json::from_error(started.error()));
    privd::answer(said);
    if (started)
        return 0;
    std::fprintf(stderr, "banger-jail: %s\n", started.error().message.c_str());
    return 1;
}
