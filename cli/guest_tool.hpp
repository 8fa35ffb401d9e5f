// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace banger::cli {

/// A file without a name that holds `content`, to be read from its beginning.
sdk::Result<sdk::os::UniqueFd> buffer_of(std::string_view content);

/// A tool of the agent (guest/agent/tools.hpp), to be run in a guest.
struct ToolCall {
    std::string vm;
    std::string tool;
    std::vector<std::string> arguments;
    std::string user;  ///< empty: root
};

/// The stream (guest/protocol/frames.hpp) of a tool that was begun in a guest.
sdk::Result<sdk::os::UniqueFd> begin_tool(Session& session, const ToolCall& call);

/// Runs it to its end with these descriptors as its standard input and output. What it notes is shown. Errors: the
/// tool's own, and banger's; cancelled, with the session's interrupted_by, if a signal ended it. `on_bytes` is told of
/// each piece that passes.
sdk::Result<void> run_tool(Context& context, const ToolCall& call, int in, int out,
                           const std::function<void(std::size_t)>& on_bytes = {});

/// The same with what `produce` writes as its input. `produce` runs on a thread of its own, as whoever reads would wait
/// for it otherwise; its descriptor blocks, and gives EPIPE once the tool has ended. Its own error wins over the tool's,
/// which then only says that the input was cut off. What it prints goes to `printed`, if there is one.
sdk::Result<void> feed_tool(Context& context, const ToolCall& call,
                            const std::function<sdk::Result<void>(int out)>& produce, std::string* printed = nullptr);

/// The same with what it prints as the input of `consume`, on a thread of its own; `input` is its standard input.
sdk::Result<void> drain_tool(Context& context, const ToolCall& call,
                             const std::function<sdk::Result<void>(int in)>& consume, std::string_view input = {});

/// What it prints, all of it; `input` is its standard input.
sdk::Result<std::string> ask_tool(Context& context, const ToolCall& call, std::string_view input = {});

/// Runs a program of the guest's, as root in its home, with these descriptors as its standard input and output. Errors:
/// its own last words on standard error for a status other than 0 (not_found for 127), and those of run_tool.
sdk::Result<void> run_program(Context& context, const std::string& vm, const std::vector<std::string>& argv, int in,
                              int out);

/// Shows on a terminal how many bytes went; elsewhere nothing. Threads: one at a time.
class CopyMeter {
public:
    /// `total` in bytes; 0 if nobody knows.
    CopyMeter(Progress& progress, std::string stage, std::uint64_t total)
        : progress_(progress), stage_(std::move(stage)), total_(total)
    {
    }
    ~CopyMeter();
    CopyMeter(const CopyMeter&) = delete;
    CopyMeter& operator=(const CopyMeter&) = delete;
    void at(std::uint64_t bytes);

private:
    Progress& progress_;
    std::string stage_;
    std::uint64_t total_;
    Progress::Clock::time_point shown_;
};

}  // namespace banger::cli
