// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/shared_stream.hpp"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>

namespace banger::agent {
namespace {

using sdk::os::UniqueFd;

/// What comes before the ring: how far both are. No page of any machine is larger.
constexpr std::size_t head = 64UL * 1024;
/// Bytes in the ring: the writer goes on while the reader is busy with a piece.
constexpr std::size_t capacity = 4 * tree::Input::most;
constexpr std::uint64_t nothing = UINT64_MAX;

void wake(int socket)
{
    // A peer that is gone needs no waking; one that was woken already has enough to read.
    [[maybe_unused]] const auto ignored = send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

class SharedRing {
public:
    static sdk::Result<std::shared_ptr<SharedRing>> make()
    {
        void* const all = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
            return sdk::os_error("map memory to share");
        auto ring = std::make_shared<SharedRing>(static_cast<char*>(all));
        char* const bytes = ring->memory_ + head;
        // The ring twice, one behind the other, so that every piece of it lies in one (mremap(2), of an old size of 0).
        if (mmap(all, head + capacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
            mremap(bytes, 0, capacity, MREMAP_MAYMOVE | MREMAP_FIXED, bytes + capacity) == MAP_FAILED)
            return sdk::os_error("map memory to share");
        new (ring->memory_) Positions;
        return ring;
    }

    explicit SharedRing(char* memory) : memory_(memory) {}
    SharedRing(const SharedRing&) = delete;
    SharedRing& operator=(const SharedRing&) = delete;
    ~SharedRing() { munmap(memory_, mapped); }

    /// Who is forked from now on has no part in it.
    void keep_from_children() { madvise(memory_, mapped, MADV_DONTFORK); }

    /// Copies what there is room for, and says how much that was. `wanted` tells whether the reader waits for it.
    std::size_t put(std::string_view bytes, bool& wanted)
    {
        auto& at = positions();
        const std::uint64_t written = at.written.load(std::memory_order_relaxed);
        const std::size_t count = std::min(bytes.size(), room());
        std::memcpy(memory_ + head + written % capacity, bytes.data(), count);
        at.written.store(written + count);
        wanted = written + count >= at.reader_waits_for.load() && at.reader_waits_for.exchange(nothing) != nothing;
        return count;
    }
    [[nodiscard]] std::size_t room() const { return capacity - there(); }
    void writer_waits(bool waits) { positions().writer_waits.store(waits); }

    /// Never more than the ring holds, whatever the other side wrote there.
    [[nodiscard]] std::size_t there() const
    {
        return std::min<std::size_t>(positions().written.load() - positions().read.load(), capacity);
    }
    [[nodiscard]] std::string_view view(std::size_t size) const
    {
        return {memory_ + head + positions().read.load(std::memory_order_relaxed) % capacity, size};
    }
    /// Whether the writer waits for that.
    [[nodiscard]] bool drop(std::size_t size)
    {
        auto& at = positions();
        at.read.store(at.read.load(std::memory_order_relaxed) + size);
        return at.writer_waits.exchange(false);
    }
    void reader_waits_for(std::size_t size)
    {
        auto& at = positions();
        at.reader_waits_for.store(at.read.load(std::memory_order_relaxed) + size);
    }
    void reader_goes_on() { positions().reader_waits_for.store(nothing); }

private:
    static constexpr std::size_t mapped = head + 2 * capacity;

    /// Bytes since the beginning of the stream. Each side says that it waits, and then looks once more whether it must.
    struct Positions {
        std::atomic<std::uint64_t> written{0};
        std::atomic<std::uint64_t> read{0};
        std::atomic<std::uint64_t> reader_waits_for{nothing};
        std::atomic<bool> writer_waits{false};
    };
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free && sizeof(Positions) <= head);

    [[nodiscard]] Positions& positions() const { return *std::launder(reinterpret_cast<Positions*>(memory_)); }

    char* memory_;
};

sdk::Result<SharedStream> SharedStream::make()
{
    auto ring = SharedRing::make();
    if (!ring)
        return std::move(ring).error();
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a socket");
    return SharedStream{std::move(*ring), UniqueFd(ends[0]), UniqueFd(ends[1])};
}

SharedWriter::SharedWriter(EventLoop& loop, std::shared_ptr<SharedRing> ring, UniqueFd to_reader, std::function<void()> drained)
    : ring_(std::move(ring)), to_reader_(std::move(to_reader)), drained_(std::move(drained))
{
    ring_->keep_from_children();
    watch_ = loop.watch(to_reader_.get(), EPOLLIN, [this](std::uint32_t) { on_ready(); });
}

void SharedWriter::close()
{
    watch_.reset();
    if (to_reader_)
        shutdown(to_reader_.get(), SHUT_RDWR);  // a child that was forked meanwhile may have it as well
    to_reader_.reset();
    backlog_.clear();
    sent_ = 0;
}

/// Takes what went off the front.
void SharedWriter::put(std::string_view& bytes)
{
    for (;;) {
        bool wanted = false;
        bytes.remove_prefix(ring_->put(bytes, wanted));
        if (wanted)
            wake(to_reader_.get());
        if (bytes.empty())
            return;
        ring_->writer_waits(true);
        if (ring_->room() == 0)
            return;
        ring_->writer_waits(false);
    }
}

void SharedWriter::write(std::string_view bytes)
{
    if (!to_reader_ || ending_)
        return;
    if (backlog() == 0)
        put(bytes);
    backlog_.append(bytes);
}

void SharedWriter::end()
{
    ending_ = true;
    if (backlog() == 0)
        close();
}

void SharedWriter::on_ready()
{
    std::array<char, 256> ignored{};
    ssize_t got = 0;
    while ((got = recv(to_reader_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT)) > 0 || (got < 0 && errno == EINTR)) {
    }
    if (got == 0 || errno != EAGAIN) {
        close();
        return drained_();
    }
    std::string_view rest = std::string_view(backlog_).substr(sent_);
    if (rest.empty())
        return;
    put(rest);
    sent_ = backlog_.size() - rest.size();
    if (rest.empty()) {
        backlog_.clear();
        sent_ = 0;
        if (ending_)
            close();
    } else if (sent_ > backlog_.size() / 2) {
        backlog_.erase(0, std::exchange(sent_, 0));
    }
    drained_();
}

sdk::Result<void> SharedInput::wait()
{
    std::array<char, 256> ignored{};
    const ssize_t got = recv(to_writer_, ignored.data(), ignored.size(), 0);
    if (got < 0 && errno != EINTR && errno != ECONNRESET)
        return sdk::os_error("read the stream");
    ended_ = got == 0 || (got < 0 && errno == ECONNRESET);
    return {};
}

sdk::Result<std::string_view> SharedInput::next(std::size_t size)
{
    if (ring_->drop(std::exchange(held_, 0)))
        wake(to_writer_);
    while (!ended_ && ring_->there() < size) {
        ring_->reader_waits_for(size);
        if (ring_->there() < size)
            if (auto waited = wait(); !waited)
                return std::move(waited).error();
        ring_->reader_goes_on();
    }
    held_ = std::min(size, ring_->there());
    return ring_->view(held_);
}

}  // namespace banger::agent
