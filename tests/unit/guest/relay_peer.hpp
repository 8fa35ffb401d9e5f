// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/guest/agent_client.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::guest {

/// All of it to a socket, whether or not somebody still reads there.
bool send_all(int fd, std::string_view bytes);

/// The caller's end of a relayed stream, with blocking reads.
class RelayPeer {
public:
    RelayPeer(AgentClient& client, const std::string& path, const std::string& spec);
    ~RelayPeer() { close(); }

    /// As the client does: to one that has answered and gone it says no more, and what that one said is still to be read.
    void send(agent::FrameType type, std::string_view payload = {});
    /// The next frame; nothing when the stream has ended.
    struct Frame {
        agent::FrameType type{};
        std::string payload;
    };
    std::optional<Frame> next();
    /// Reads until a frame of this type; what `out` frames carried on the way goes to `output`.
    std::optional<std::string> wait_for(agent::FrameType type);
    /// Reads output until it holds `text`.
    bool wait_for_output(const std::string& text);
    void close() { fd_.reset(); }
    sdk::Result<void> wait_done();
    int fd() const { return fd_.get(); }

    std::string output;

private:
    struct Done;
    sdk::os::UniqueFd fd_;
    std::shared_ptr<Done> done_;
};

}  // namespace banger::guest
