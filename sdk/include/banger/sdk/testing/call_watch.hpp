// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::sdk::testing {

/// Runs `body` in a thread that stops before each of some system calls until it is let on: a disk that takes its time, and
/// the order in which things reach one. Threads that the body starts are watched too, and on after its end. Needs no
/// rights (seccomp_unotify(2)). For calls whose first argument is a path or a descriptor. Threads: one watches.
class CallWatch {
public:
    /// A call that has not happened yet.
    struct Stopped {
        long call;         ///< SYS_fsync, ...
        std::string path;  ///< what it is about
    };

    CallWatch(std::vector<long> calls, std::function<void()> body) : ended_(::eventfd(0, EFD_CLOEXEC))
    {
        std::promise<int> watched;
        auto listener = watched.get_future();
        thread_ = std::thread([this, &watched, calls = std::move(calls), body = std::move(body)] {
            watched.set_value(watch_this_thread(calls));
            body();
            ::eventfd_write(ended_.get(), 1);
        });
        listener_.reset(listener.get());
        EXPECT_TRUE(listener_) << "system calls cannot be watched here: " << std::strerror(errno);
    }
    CallWatch(const CallWatch&) = delete;
    CallWatch& operator=(const CallWatch&) = delete;
    ~CallWatch()
    {
        while (next())
            let_on();
        thread_.join();
    }

    /// The call before which a thread stands, or comes to stand in so much time. None once the body has ended and no
    /// other thread of its stands.
    std::optional<Stopped> next(std::chrono::milliseconds patience = std::chrono::minutes(1))
    {
        if (stopped_)
            return describe(*stopped_);
        std::array<pollfd, 2> watch{{{listener_.get(), POLLIN, 0}, {ended_.get(), POLLIN, 0}}};
        ::poll(watch.data(), watch.size(), static_cast<int>(patience.count()));
        if ((watch[0].revents & POLLIN) == 0)
            return std::nullopt;
        seccomp_notif stopped{};
        if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &stopped) != 0)
            return std::nullopt;
        stopped_ = stopped;
        return describe(stopped);
    }
    /// The call that next() said happens now.
    void let_on() { answer(0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }
    /// It fails instead, with this errno.
    void fail(int why) { answer(-why, 0); }
    /// Whether the body ends in so much time, although a call may stand.
    [[nodiscard]] bool ends(std::chrono::milliseconds patience) const
    {
        return os::wait_readable(ended_.get(), -1, std::chrono::steady_clock::now() + patience).has_value();
    }

private:
    void answer(int error, unsigned flags)
    {
        seccomp_notif_resp answer{};
        answer.id = std::exchange(stopped_, std::nullopt).value().id;
        answer.error = error;
        answer.flags = flags;
        ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    static int watch_this_thread(const std::vector<long>& calls)
    {
        constexpr auto number = static_cast<unsigned>(offsetof(seccomp_data, nr));
        std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number)};
        for (const long call : calls) {
            filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
            filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
        }
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
        const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return -1;
        return static_cast<int>(
            ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    }

    // A thread of ours: its memory and its descriptors are here.
    static Stopped describe(const seccomp_notif& stopped)
    {
        const long call = stopped.data.nr;
        if (call != SYS_fsync && call != SYS_fdatasync)
            return {call, reinterpret_cast<const char*>(stopped.data.args[0])};  // NOLINT
        const std::string link = "/proc/self/fd/" + std::to_string(stopped.data.args[0]);
        std::array<char, 4096> path{};
        const auto length = ::readlink(link.c_str(), path.data(), path.size());
        return {call, std::string(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0)};
    }

    os::UniqueFd ended_;
    os::UniqueFd listener_;
    std::optional<seccomp_notif> stopped_;
    std::thread thread_;
};

}  // namespace banger::sdk::testing
