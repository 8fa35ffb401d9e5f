// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "guest/agent/command_session.hpp"

namespace banger::agent {

/// The sessions of a guest, those of its earlier starts among them. One that has ended is kept until its name is used again, or
/// until there are too many.
class CommandSessions {
public:
    static constexpr std::size_t most_sessions = 32;

    /// The sessions' files are in `directory`, which is first looked at when somebody asks.
    CommandSessions(EventLoop& loop, ProcessTable& processes, std::string directory)
        : loop_(loop), processes_(processes), directory_(std::move(directory))
    {
    }

    /// Errors: not_found (the user, the directory, or a command that is needed), exists (one of that name runs), busy (too
    /// many run), and those of starting a process.
    sdk::Result<SessionFacts> start(SessionSpec spec);
    /// In the order of their names.
    [[nodiscard]] std::vector<SessionFacts> list();
    /// Errors: not_found.
    sdk::Result<std::shared_ptr<CommandSession>> find(const std::string& name);
    /// What ends sessions from now on is that the machine stops.
    void machine_stops();

private:
    using Sessions = std::map<std::string, std::shared_ptr<CommandSession>>;

    Sessions& known();
    [[nodiscard]] std::string made_name(const std::string& command);
    sdk::Result<void> make_room(const std::string& name);

    EventLoop& loop_;
    ProcessTable& processes_;
    std::string directory_;
    bool loaded_ = false;
    Sessions sessions_;
};

}  // namespace banger::agent
