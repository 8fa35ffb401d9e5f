// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/held_tool.hpp"

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
    json::Object params;
    params.set("vm", call.vm).set("tool", call.tool).set("argv", call.arguments).set("user", call.user);
    auto reply = (*session)->call("vm.exec", params);
    if (!reply)
        return std::move(reply).error();
    if (reply->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no stream for the command");
    return HeldTool(call.vm, std::move(reply->descriptors.front()));
}

sdk::Error HeldTool::ended() const
{
    return sdk::make_error(sdk::Code::unavailable, "the connection to vm '" + printable(vm_) + "' was lost",
                           "see `banger vm list`");
}

sdk::Result<std::string> HeldTool::take()
{
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
