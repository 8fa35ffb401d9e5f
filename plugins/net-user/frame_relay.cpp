// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "frame_relay.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "frame_policy.hpp"
#include "traffic.hpp"

namespace banger::user {
namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::size_t longest_frame = 65535 + 14;
constexpr std::size_t buffer_bytes = 256U << 10U;
constexpr std::size_t most_answers = 64U << 10U;

/// Bytes that wait to be sent to one end.
class Outbox {
public:
    explicit Outbox(int fd) : fd_(fd) { bytes_.reserve(buffer_bytes + most_answers); }

    [[nodiscard]] bool empty() const { return sent_ == bytes_.size(); }
    [[nodiscard]] std::size_t waiting() const { return bytes_.size() - sent_; }

    void add(Frame frame)
    {
        const auto length = static_cast<std::uint32_t>(frame.size());
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            bytes_.push_back(static_cast<std::uint8_t>(length >> shift));
        bytes_.insert(bytes_.end(), frame.begin(), frame.end());
    }

    /// False if the other end is gone.
    bool send()
    {
        if (empty())
            return true;
        const ssize_t sent = ::send(fd_, bytes_.data() + sent_, waiting(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        sent_ += static_cast<std::size_t>(sent);
        if (empty()) {
            bytes_.clear();
            sent_ = 0;
        }
        return true;
    }

private:
    int fd_;
    std::vector<std::uint8_t> bytes_;
    std::size_t sent_ = 0;
};

/// Bytes from one end, cut into frames.
class Inbox {
public:
    explicit Inbox(int fd) : fd_(fd), bytes_(buffer_bytes) {}

    /// Reads once and hands every whole frame to `take`. False if the other end is gone, or sends no frames.
    template <typename Take>
    bool receive(Take take)
    {
        const ssize_t got = ::recv(fd_, bytes_.data() + used_, bytes_.size() - used_, MSG_DONTWAIT);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR;
        if (got == 0)
            return false;
        used_ += static_cast<std::size_t>(got);
        std::size_t at = 0;
        while (used_ - at >= length_bytes) {
            const std::size_t length = static_cast<std::size_t>(bytes_[at]) << 24U | bytes_[at + 1] << 16U |
                                       bytes_[at + 2] << 8U | bytes_[at + 3];
            if (length > longest_frame)
                return false;
            if (used_ - at - length_bytes < length)
                break;
            take(Frame(bytes_.data() + at + length_bytes, length));
            at += length_bytes + length;
        }
        used_ -= at;
        std::memmove(bytes_.data(), bytes_.data() + at, used_);
        return true;
    }

private:
    int fd_;
    std::vector<std::uint8_t> bytes_;
    std::size_t used_ = 0;
};

// An end is read only while nothing waits for the other one, so a slow end slows its peer down and no buffer grows.
short wanted(const Outbox& own, const Outbox& other)
{
    return static_cast<short>((other.empty() ? POLLIN : 0) | (own.empty() ? 0 : POLLOUT));
}

}  // namespace

void relay_frames(int vmm, int passt, sdk::Egress egress, int counters)
{
    Traffic traffic;
    Inbox from_vmm(vmm);
    Inbox from_passt(passt);
    Outbox to_vmm(vmm);
    Outbox to_passt(passt);
    const auto from_guest = [&](Frame frame) {
        const Verdict verdict = judge(frame, egress);
        if (verdict == Verdict::pass) {
            ++traffic.tx_packets;
            traffic.tx_bytes += frame.size();
            return to_passt.add(frame);
        }
        ++traffic.refused_packets;
        if (verdict == Verdict::refuse && to_vmm.waiting() < most_answers)
            if (const auto answer = refusal_of(frame); !answer.empty())
                to_vmm.add(answer);
    };
    const auto from_outside = [&](Frame frame) {
        ++traffic.rx_packets;
        traffic.rx_bytes += frame.size();
        to_vmm.add(frame);
    };
    for (;;) {
        std::array<pollfd, 3> watch{
            {{vmm, wanted(to_vmm, to_passt), 0}, {passt, wanted(to_passt, to_vmm), 0}, {counters, POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0 && errno != EINTR)
            return;
        if ((watch[0].revents & POLLIN) != 0 && !from_vmm.receive(from_guest))
            return;
        if ((watch[1].revents & POLLIN) != 0 && !from_passt.receive(from_outside))
            return;
        if (!to_passt.send() || !to_vmm.send())
            return;
        if ((watch[2].revents & POLLIN) != 0)
            tell_traffic(counters, traffic);
        // An end that is gone is also told while nobody reads it.
        if ((watch[0].revents & (POLLHUP | POLLERR)) != 0 || (watch[1].revents & (POLLHUP | POLLERR)) != 0)
            return;
    }
}

}  // namespace banger::user
