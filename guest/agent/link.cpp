// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace banger::agent {
namespace {

constexpr std::size_t read_size = 256UL * 1024;
/// Small frames are gathered to this size, so that a session does not cost one system call for each.
constexpr std::size_t gather_size = 128UL * 1024;
/// After so many reads in a row others get their turn.
constexpr int reads_per_turn = 8;
constexpr std::chrono::milliseconds longest_absence{1000};

}  // namespace

Link::Link(EventLoop& loop, sdk::os::UniqueFd fd, Kind kind, const Token& token, Router router, Events events)
    : loop_(loop),
      fd_(std::move(fd)),
      kind_(kind),
      token_(token),
      router_(std::move(router)),
      events_(std::move(events)),
      scanner_(token)
{
    fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

void Link::start()
{
    watch_ = loop_.watch(fd_.get(), EPOLLIN | EPOLLOUT, [weak = weak_from_this()](std::uint32_t) {
        if (const auto self = weak.lock()) {
            self->flush();
            self->on_ready();
        }
    });
}

void Link::take_token(const Token& token)
{
    token_ = token;
    scanner_ = PreambleScanner(token);
}

/// Reads until the buffer is full or there is nothing now. A virtio-serial port gives no more than one page at a time:
/// passing on each by itself would cost more than the bytes.
Link::Input Link::fill(std::span<char> buffer)
{
    Input input;
    while (input.size < buffer.size()) {
        const ssize_t count = read(fd_.get(), buffer.data() + input.size, buffer.size() - input.size);
        if (count > 0) {
            input.size += static_cast<std::size_t>(count);
        } else if (count == 0 || errno != EINTR) {
            input.after = count < 0 && errno == EAGAIN ? Input::nothing_now : Input::ended;
            break;
        }
    }
    return input;
}

void Link::on_ready()
{
    static std::array<char, read_size> buffer;
    for (int turn = 0; turn < reads_per_turn; ++turn) {
        if (!fd_)
            return;
        const auto input = fill(buffer);
        if (input.size > 0)
            on_input({buffer.data(), input.size});
        if (input.after == Input::nothing_now)
            return;
        if (input.after == Input::ended)
            return on_channel_end();
    }
    loop_.defer([weak = weak_from_this()] {
        if (const auto self = weak.lock())
            self->on_ready();
    });
}

void Link::on_channel_end()
{
    if (kind_ == Kind::serial)
        return watch_absence();
    end_session();
    watch_.reset();
    fd_.reset();
    if (events_.closed)
        loop_.defer(events_.closed);
}

/// The host's side of a serial port is closed, or was: the news of closing and opening comes by another way than the
/// bytes, and a new client's greeting may be here before the news that the old one left. So only an absence that lasts
/// ends a session. The next edge comes when the port is opened again (virtio_console wakes its pollers).
void Link::watch_absence()
{
    if (!session_ || absence_)
        return;
    absence_ = loop_.after(longest_absence, [this] {
        absence_.reset();
        pollfd port{fd_.get(), 0, 0};
        if (poll(&port, 1, 0) == 1 && (port.revents & POLLHUP) != 0)
            end_session();
    });
}

void Link::on_input(std::string_view bytes)
{
    if (const auto hit = scanner_.feed(bytes)) {
        begin_session(hit->nonce);
        bytes.remove_prefix(hit->end);
    }
    // What is not HTTP/2 ends the session; the scan for the next preamble goes on.
    if (session_ && !bytes.empty() && !session_->receive(bytes)) {
        flush();
        end_session();
    }
}

void Link::begin_session(const std::string& nonce)
{
    end_session();
    absence_.reset();
    unsent_ = agent_preamble(token_, nonce);
    session_ = std::make_unique<Session>(router_, [this] { want_flush(); });
    if (events_.session_began)
        events_.session_began();
    want_flush();
}

void Link::end_session()
{
    session_.reset();
    unsent_.clear();
}

void Link::want_flush()
{
    if (std::exchange(flush_wanted_, true))
        return;
    loop_.defer([weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->flush_wanted_ = false;
            self->flush();
        }
    });
}

/// Writes; keeps the rest in unsent_. False when the channel is full.
bool Link::write_some(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t count = write(fd_.get(), bytes.data(), bytes.size());
        if (count > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (count < 0 && errno == EINTR)
            continue;
        // Full, or the host is gone: reading will tell which.
        unsent_.assign(bytes);
        return false;
    }
    return true;
}

void Link::flush()
{
    if (!fd_)
        return;
    if (!unsent_.empty() && !write_some(std::exchange(unsent_, {})))
        return;
    std::string gathered;
    while (session_) {
        const auto piece = session_->next_output();
        if (piece.empty())
            break;
        if (gathered.empty() && piece.size() >= gather_size / 4) {
            if (!write_some(piece))
                return;
            continue;
        }
        gathered.append(piece);
        if (gathered.size() >= gather_size && !write_some(std::exchange(gathered, {})))
            return;
    }
    write_some(gathered);
}

}  // namespace banger::agent
