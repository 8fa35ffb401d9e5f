// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/event_loop.hpp"

namespace banger::agent {

/// Something to read from that never blocks: a pipe, a terminal or a socket. Read only when asked to.
class DescriptorSource {
public:
    /// `readable` is called when reading may give something again after it gave nothing.
    DescriptorSource(EventLoop& loop, sdk::os::UniqueFd fd, std::function<void()> readable);

    /// Bytes read; 0 when there is nothing now, or never again (see open()).
    std::size_t read(std::span<char> room);
    [[nodiscard]] bool open() const { return static_cast<bool>(fd_); }
    /// What ended it, as errno has it; 0 if that was its end, or there was none yet.
    [[nodiscard]] int failure() const { return failure_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// From now on gives only what is there already, then closes.
    void stop_after_present();
    void close();

private:
    sdk::os::UniqueFd fd_;
    std::function<void()> readable_;
    bool may_read_ = true;
    int failure_ = 0;
    std::optional<std::size_t> left_;  ///< bytes still to give, once that is limited
    EventLoop::Registration watch_;
};

}  // namespace banger::agent
