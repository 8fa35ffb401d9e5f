// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// privd-launcher USER DIRECTORY PROGRAM [ARGUMENT...]
// Starts the root helper as systemd would: with its socket, the user's, whenever somebody connects and none runs
// (sd_listen_fds(3)). In the user's DIRECTORY it is armed as tests/lab/armed-helper has it: fault plans from `plan`; what it
// says in `log`. Asked to end, this ends with the helper's status.
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "core/rpc/helper.hpp"

namespace {

namespace os = banger::sdk::os;

constexpr int first = 3;  // SD_LISTEN_FDS_START

os::UniqueFd listen_for(const passwd& user, const std::string& path)
{
    auto socket = os::listen_unix(path);
    if (!socket || ::chown(path.c_str(), user.pw_uid, user.pw_gid) != 0)
        return {};
    return std::move(*socket);
}

class Launcher {
public:
    Launcher(os::UniqueFd helper, std::string directory, char** program)
        : helper_(std::move(helper)), directory_(std::move(directory)), program_(program)
    {
        sigset_t all;
        sigemptyset(&all);
        sigaddset(&all, SIGCHLD);
        sigaddset(&all, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        signals_.reset(::signalfd(-1, &all, SFD_CLOEXEC));
    }

    int run()
    {
        for (;;) {
            const int to_start = child_ == 0 ? helper_.get() : -1;
            std::array<pollfd, 2> watch{{{to_start, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
            if (::poll(watch.data(), watch.size(), -1) < 0)
                return 1;
            if (watch[1].revents != 0 && take_signal() && child_ == 0)
                return status_;
            if (watch[0].revents != 0 && child_ == 0)
                start();
        }
    }

private:
    // Whether this is to end.
    bool take_signal()
    {
        signalfd_siginfo signal{};
        if (::read(signals_.get(), &signal, sizeof signal) != sizeof signal)
            return ends_;
        if (signal.ssi_signo == SIGTERM) {
            ends_ = true;
            if (child_ != 0)
                ::kill(child_, SIGTERM);
        }
        int status = 0;
        if (child_ != 0 && ::waitpid(child_, &status, WNOHANG) == child_) {
            child_ = 0;
            status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        return ends_;
    }

    void start()
    {
        child_ = ::fork();
        if (child_ != 0)
            return;
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const int log = ::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        ::dup2(log, STDERR_FILENO);
        if (helper_.get() == first)
            ::fcntl(first, F_SETFD, 0);
        else
            ::dup2(helper_.get(), first);
        ::setenv("LISTEN_FDS", "1", 1);
        ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        ::setenv("BANGER_FAULT", ("file:" + directory_ + "/plan").c_str(), 1);
        ::execv(program_[0], program_);
        std::perror(program_[0]);
        ::_exit(1);
    }

    os::UniqueFd helper_;
    os::UniqueFd signals_;
    std::string directory_;
    char** program_;
    pid_t child_ = 0;
    int status_ = 0;
    bool ends_ = false;
};

}  // namespace

int main(int argc, char** argv)
{
    const passwd* user = argc > 3 ? ::getpwnam(argv[1]) : nullptr;
    if (user == nullptr)
        return 64;
    const std::string directory = argv[2];
    auto helper = listen_for(*user, banger::rpc::helper::socket);
    if (!helper)
        return 1;
    return Launcher(std::move(helper), directory, argv + 3).run();
}
