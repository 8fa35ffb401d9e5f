// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/agent/event_loop.hpp"
#include "guest/agent/writer.hpp"
#include "guest/tree/input.hpp"

namespace banger::agent {

/// Memory that a process and its children share: a ring of bytes and how far both sides are. What goes through a pipe is
/// copied by the kernel twice, page by page, which costs an emulated guest more than all else it does with the bytes.
class SharedRing;

/// A stream of bytes to a child. To be made before the fork; each side then uses its own end. Over the sockets they only
/// wake each other, and see that the other one is gone.
struct SharedStream {
    std::shared_ptr<SharedRing> ring;
    sdk::os::UniqueFd to_reader;
    sdk::os::UniqueFd to_writer;

    /// Errors: those of mmap(2) and socketpair(2).
    static sdk::Result<SharedStream> make();
};

/// The writer's end, made after the fork.
class SharedWriter final : public Writer {
public:
    /// `drained` is called when the backlog got shorter.
    SharedWriter(EventLoop& loop, std::shared_ptr<SharedRing> ring, sdk::os::UniqueFd to_reader, std::function<void()> drained);

    void write(std::string_view bytes) override;
    void end() override;
    [[nodiscard]] std::size_t backlog() const override { return backlog_.size() - sent_; }

private:
    void on_ready();
    void put(std::string_view& bytes);
    void close();

    std::shared_ptr<SharedRing> ring_;
    sdk::os::UniqueFd to_reader_;
    std::function<void()> drained_;
    std::string backlog_;
    std::size_t sent_ = 0;
    bool ending_ = false;
    EventLoop::Registration watch_;
};

/// The reader's end.
class SharedInput final : public tree::Input {
public:
    /// `to_writer` blocks, and outlives this.
    SharedInput(std::shared_ptr<SharedRing> ring, int to_writer) : ring_(std::move(ring)), to_writer_(to_writer) {}

    sdk::Result<std::string_view> next(std::size_t size) override;

private:
    sdk::Result<void> wait();

    std::shared_ptr<SharedRing> ring_;
    int to_writer_;
    std::size_t held_ = 0;  ///< of what was given last
    bool ended_ = false;
};

}  // namespace banger::agent
