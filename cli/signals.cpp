// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/signals.hpp"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace banger::cli {
namespace {

constexpr std::array<int, 4> stopping{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array<int, 2> terminal{SIGWINCH, SIGCONT};

bool is_ignored(int signal)
{
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

sdk::Result<Signals> Signals::take()
{
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : stopping)
        if (!is_ignored(signal))  // nohup(1), and a shell without job control, mean what they set
            sigaddset(&wanted, signal);
    for (const int signal : terminal)
        sigaddset(&wanted, signal);
    sigset_t before;
    if (::sigprocmask(SIG_BLOCK, &wanted, &before) != 0)
        return sdk::os_error("block signals");
    sdk::os::UniqueFd descriptor(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor)
        return sdk::os_error("watch for signals");
    return Signals(std::move(descriptor), before);
}

Signals::~Signals()
{
    if (!descriptor_)
        return;
    read();  // what was seen late is not to strike now
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::vector<int> Signals::read()
{
    std::vector<int> seen;
    signalfd_siginfo info{};
    while (::read(descriptor_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
        seen.push_back(static_cast<int>(info.ssi_signo));
    for (const int signal : seen)
        if (asks_to_stop(signal))
            stop_seen_ = signal;
    return seen;
}

bool Signals::asks_to_stop(int signal)
{
    for (const int one : stopping)
        if (one == signal)
            return true;
    return false;
}

void die_of(int signal)
{
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);  // SIGQUIT would leave a core file of a program that did nothing wrong
    ::signal(signal, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(signal);
    ::_exit(128 + signal);
}

}  // namespace banger::cli
