// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/agent/writer.hpp"

namespace banger::agent {

/// Writes to a pipe, terminal or socket.
class DescriptorWriter final : public Writer {
public:
    /// `drained` is called when the backlog got shorter.
    DescriptorWriter(EventLoop& loop, sdk::os::UniqueFd fd, std::function<void()> drained);

    void write(std::string_view bytes) override;
    void end() override { end({}); }
    /// `closing` replaces the plain close, e.g. to shut down one half of a socket.
    void end(std::function<void(int fd)> closing);
    [[nodiscard]] std::size_t backlog() const override { return backlog_.size() - sent_; }
    /// Nothing when it is closed.
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    bool write_some(std::string_view& bytes);
    void on_writable();
    void close();

    sdk::os::UniqueFd fd_;
    std::function<void()> drained_;
    std::function<void(int)> closing_;
    std::string backlog_;
    std::size_t sent_ = 0;
    bool ending_ = false;
    EventLoop::Registration watch_;
};

}  // namespace banger::agent
