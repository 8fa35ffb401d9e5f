// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/held_tool.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "cli/text.hpp"
#include "guest/protocol/json.hpp"

namespace banger::cli {

sdk::Result<HeldTool> HeldTool::start(Context& context, const ToolCall& call)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto stream = begin_tool(**session, call);
    if (!stream)
        return std::move(stream).error();
    return HeldTool(call.vm, std::move(*stream));
}

sdk::Error HeldTool::ended() const
{
    return sdk::make_error(sdk::Code::unavailable, "the connection to vm '" + printable(vm_) + "' was lost",
                           "see `banger vm list`");
}

short HeldTool::events() const
{
    return static_cast<short>(waiting_.empty() ? POLLIN : POLLIN | POLLOUT);
}

void HeldTool::give(std::string_view input)
{
    agent::write_frame(waiting_, agent::FrameType::data, input);
    send();
}

/// A stream that is broken is seen by who reads from it.
void HeldTool::send()
{
    while (!waiting_.empty()) {
        const ssize_t sent = ::send(stream_.get(), waiting_.data(), waiting_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return;
        waiting_.erase(0, static_cast<std::size_t>(sent));
    }
}

sdk::Result<std::string> HeldTool::take()
{
    send();
    std::string printed;
    std::optional<sdk::Error> end;
    std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (;;) {
        const ssize_t got = ::recv(stream_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return printed;
        if (got <= 0)
            return ended();
        auto fed = reader_.feed({buffer.data(), static_cast<std::size_t>(got)},
                                [&](agent::FrameType type, std::string_view payload) {
                                    if (type == agent::FrameType::out)
                                        printed += payload;
                                    else if (type == agent::FrameType::err)
                                        words_ += payload;
                                    else if (type == agent::FrameType::exit)
                                        end = words_.empty() ? ended() : agent::error_from_json(words_);
                                    else if (type == agent::FrameType::error)
                                        end = ended();
                                    return !end;
                                });
        if (!fed)
            return std::move(fed).error();
        if (end)
            return std::move(*end);
    }
}

}  // namespace banger::cli
