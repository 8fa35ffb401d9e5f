// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/guest_tool.hpp"
#include "guest/protocol/frames.hpp"

namespace banger::cli {

/// A tool of the agent that runs for as long as this object lives, beside other calls: its output comes piece by piece,
/// and so may its input; its end tells at once that the guest, or the daemon in between, is gone. Threads: one.
class HeldTool {
public:
    static sdk::Result<HeldTool> start(Context& context, const ToolCall& call);

    /// When take() has something to do, for poll(2).
    [[nodiscard]] int descriptor() const { return stream_.get(); }
    [[nodiscard]] short events() const;

    /// More for its standard input; never blocks.
    void give(std::string_view input);

    /// What it printed since; never blocks. Errors: the tool's own; unavailable once it has ended otherwise.
    sdk::Result<std::string> take();

private:
    HeldTool(std::string vm, sdk::os::UniqueFd stream) : vm_(std::move(vm)), stream_(std::move(stream)) {}
    [[nodiscard]] sdk::Error ended() const;
    void send();

    std::string vm_;
    sdk::os::UniqueFd stream_;
    agent::FrameReader reader_;
    std::string waiting_;  ///< frames that the stream did not take yet
    std::string words_;  ///< of its standard error
};

}  // namespace banger::cli
