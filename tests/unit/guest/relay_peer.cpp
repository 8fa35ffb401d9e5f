// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/guest/relay_peer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

namespace banger::guest {

bool send_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

struct RelayPeer::Done {
    std::mutex mutex;
    std::condition_variable called;
    std::optional<sdk::Result<void>> how;
};

RelayPeer::RelayPeer(AgentClient& client, const std::string& path, const std::string& spec)
    : done_(std::make_shared<Done>())
{
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        std::abort();
    fd_.reset(ends[0]);
    std::string head;
    agent::write_frame(head, agent::FrameType::spec, spec);
    client.relay(path, head, sdk::os::UniqueFd(ends[1]), [done = done_](sdk::Result<void> how) {
        const std::lock_guard lock(done->mutex);
        done->how.emplace(std::move(how));
        done->called.notify_all();
    });
}

sdk::Result<void> RelayPeer::wait_done()
{
    std::unique_lock lock(done_->mutex);
    if (!done_->called.wait_for(lock, std::chrono::seconds(30), [this] { return done_->how.has_value(); }))
        return sdk::make_error(sdk::Code::timed_out, "the relay did not end");
    return *done_->how;
}

void RelayPeer::send(agent::FrameType type, std::string_view payload)
{
    std::string bytes;
    agent::write_frame(bytes, type, payload);
    if (!send_all(fd_.get(), bytes)) {
        EXPECT_THAT(errno, ::testing::AnyOf(EPIPE, ECONNRESET));
    }
}

std::optional<RelayPeer::Frame> RelayPeer::next()
{
    std::array<char, agent::frame_header_size> header{};
    if (recv(fd_.get(), header.data(), header.size(), MSG_WAITALL) != static_cast<ssize_t>(header.size()))
        return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 1; i < header.size(); ++i)
        length = length << 8U | static_cast<unsigned char>(header[i]);
    Frame frame{static_cast<agent::FrameType>(header[0]), std::string(length, '\0')};
    if (length > 0 && recv(fd_.get(), frame.payload.data(), length, MSG_WAITALL) != static_cast<ssize_t>(length))
        return std::nullopt;
    if (frame.type == agent::FrameType::out)
        output += frame.payload;
    return frame;
}

std::optional<std::string> RelayPeer::wait_for(agent::FrameType type)
{
    while (auto frame = next())
        if (frame->type == type)
            return frame->payload;
    return std::nullopt;
}

bool RelayPeer::wait_for_output(const std::string& text)
{
    while (output.find(text) == std::string::npos)
        if (!next())
            return false;
    return true;
}

}  // namespace banger::guest
