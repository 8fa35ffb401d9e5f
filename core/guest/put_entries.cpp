// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/put_entries.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <limits>
#include <optional>

#include "guest/protocol/frames.hpp"
#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;

constexpr std::size_t piece_size = agent::max_frame_payload;
constexpr std::size_t flush_at = 4 * piece_size;

agent::EntrySpec spec_of(const sdk::GuestEntry& entry)
{
    agent::EntrySpec spec;
    switch (entry.type) {
        case sdk::GuestEntry::Type::directory: spec.type = agent::EntrySpec::Type::directory; break;
        case sdk::GuestEntry::Type::file: spec.type = agent::EntrySpec::Type::file; break;
        case sdk::GuestEntry::Type::link: spec.type = agent::EntrySpec::Type::link; break;
    }
    spec.path = entry.path;
    spec.mode = entry.mode;
    spec.target = entry.target;
    return spec;
}

// Our end of the relayed stream. Whoever stops us shuts it down, which wakes us from any wait.
class Upload {
public:
    Upload(sdk::os::UniqueFd socket, const Patience& patience)
        : socket_(std::move(socket)), patience_(patience), on_stop_(patience.stop, [this] {
              ::shutdown(socket_.get(), SHUT_RDWR);
          })
    {
    }

    sdk::Result<void> send(const std::vector<sdk::GuestEntry>& entries)
    {
        for (const auto& entry : entries)
            if (auto sent = send_entry(entry); !sent)
                return sent;
        agent::write_frame(pending_, FrameType::eof);
        return flush();
    }

    /// Until the agent said that all is in place, or why not.
    sdk::Result<void> answer()
    {
        std::optional<sdk::Result<void>> verdict;
        agent::FrameReader reader;
        std::array<char, 4096> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        while (!verdict) {
            if (auto ready = wait_for(POLLIN); !ready)
                return ready;
            const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), MSG_DONTWAIT);
            if (count < 0 && (errno == EAGAIN || errno == EINTR))
                continue;
            if (count <= 0)
                return gone();
            auto read = reader.feed({piece.data(), static_cast<std::size_t>(count)},
                                    [&](FrameType type, std::string_view payload) {
                                        if (type == FrameType::done)
                                            verdict.emplace();
                                        if (type == FrameType::error)
                                            verdict.emplace(agent::error_from_json(payload));
                                        return !verdict;
                                    });
            if (!read)
                return read;
        }
        return *std::move(verdict);
    }

private:
    sdk::Result<void> send_entry(const sdk::GuestEntry& entry)
    {
        agent::write_frame(pending_, FrameType::spec, agent::to_json(spec_of(entry)));
        if (entry.type != sdk::GuestEntry::Type::file)
            return flush_if_long();
        if (entry.source < 0)
            agent::write_frame(pending_, FrameType::data, entry.content);
        else if (auto sent = send_source(entry); !sent)
            return sent;
        agent::write_frame(pending_, FrameType::eof);
        return flush_if_long();
    }

    // To the end that the file has now: one that grows as fast as it is read would never end.
    sdk::Result<void> send_source(const sdk::GuestEntry& entry)
    {
        const std::string what = "read what goes to '" + entry.path + "'";
        struct stat status {};
        if (::fstat(entry.source, &status) != 0)
            return sdk::os_error(what);
        if (!S_ISREG(status.st_mode))
            return sdk::make_error(sdk::Code::invalid, "what goes to '" + entry.path + "' is no regular file");
        std::array<char, piece_size> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        for (off_t at = 0; at < status.st_size;) {
            const auto room = std::min<off_t>(status.st_size - at, piece.size());
            const ssize_t count = ::pread(entry.source, piece.data(), static_cast<std::size_t>(room), at);
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return sdk::os_error(what);
            if (count == 0)
                break;  // it became shorter
            agent::write_frame(pending_, FrameType::data, {piece.data(), static_cast<std::size_t>(count)});
            at += count;
            if (auto sent = flush_if_long(); !sent)
                return sent;
        }
        return {};
    }

    sdk::Result<void> flush_if_long() { return pending_.size() < flush_at ? sdk::Result<void>() : flush(); }

    sdk::Result<void> flush()
    {
        std::string_view rest = pending_;
        while (!rest.empty() && !refused_) {
            const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count >= 0)
                rest.remove_prefix(static_cast<std::size_t>(count));
            else if (errno == EAGAIN) {
                if (auto ready = wait_for(POLLOUT); !ready)
                    return ready;
            } else if (errno != EINTR)
                refused_ = true;  // the agent takes no more, and its answer says why
        }
        pending_.clear();
        return {};
    }

    sdk::Result<void> wait_for(short event)
    {
        pollfd ready{socket_.get(), event, 0};
        for (;;) {
            int timeout = -1;
            if (patience_.deadline != std::chrono::steady_clock::time_point::max()) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience_.deadline -
                                                                               std::chrono::steady_clock::now());
                timeout = static_cast<int>(std::clamp<long>(left.count(), 0, std::numeric_limits<int>::max()));
            }
            const int count = ::poll(&ready, 1, timeout);
            if (patience_.stop.stop_requested())
                return sdk::make_error(sdk::Code::cancelled, "the caller gave up before all was in the guest");
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return sdk::os_error("wait for the guest's agent");
            if (count == 0)
                return sdk::make_error(sdk::Code::timed_out, "the guest did not take all in time",
                                       "see `banger vm logs` for what the guest says");
            return {};
        }
    }

    [[nodiscard]] sdk::Error gone() const
    {
        if (patience_.stop.stop_requested())
            return sdk::make_error(sdk::Code::cancelled, "the caller gave up before all was in the guest");
        return sdk::make_error(sdk::Code::unavailable, "the guest's agent did not say that all is in place");
    }

    sdk::os::UniqueFd socket_;
    const Patience& patience_;
    std::string pending_;
    bool refused_ = false;
    std::stop_callback<std::function<void()>> on_stop_;  // last: may be called while being made
};

}  // namespace

sdk::Result<void> put_entries(AgentClient& client, const std::vector<sdk::GuestEntry>& entries,
                              const Patience& patience)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a socket");
    Upload upload(sdk::os::UniqueFd(ends[0]), patience);
    client.relay("/v0/put", {}, sdk::os::UniqueFd(ends[1]), [](const sdk::Result<void>&) {});
    if (auto sent = upload.send(entries); !sent)
        return sent;
    return upload.answer();
}

}  // namespace banger::guest
