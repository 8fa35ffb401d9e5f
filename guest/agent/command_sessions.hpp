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
        : loop_(loop), processes_(processes), files_(loop), directory_(std::move(directory))
    {
    }

    /// Calls back at once, or when those of earlier starts were read from the disk. All below but start is for then.
    void when_known(std::function<void()> then);

    using Started = std::function<void(sdk::Result<SessionFacts>)>;
    /// `started` gets errors: not_found (the user, the directory, or a command that is needed), exists (one of that name runs), busy
    /// (too many run), timed_out (what is looked for is on a disk that does not answer), precondition (the machine stops), and those
    /// of starting a process.
    void start(SessionSpec spec, Started started);
    /// In the order of their names.
    [[nodiscard]] std::vector<SessionFacts> list() const;
    /// Errors: not_found.
    [[nodiscard]] sdk::Result<std::shared_ptr<CommandSession>> find(const std::string& name) const;
    /// What ends sessions from now on is that the machine stops, and none begins any more. Those with a terminal hang up.
    void machine_stops();
    /// Asks those that run to end. `then` is called when how each of them ended is kept, or after so long. Nobody is killed: that is
    /// the init's, and what was killed by us would stay as a zombie for which systemd waits.
    void end_all(std::chrono::milliseconds limit, const std::function<void()>& then);

private:
    using Sessions = std::map<std::string, std::shared_ptr<CommandSession>>;

    void look_for_needs(SessionSpec spec, Started started);
    void launch(SessionSpec spec, const Launch& launch, const Started& started);
    [[nodiscard]] std::string made_name(const std::string& command) const;
    sdk::Result<Sessions::iterator> leaving_for(const std::string& name);
    [[nodiscard]] CommandSession::Host host() { return {loop_, processes_, files_, directory_}; }

    EventLoop& loop_;
    ProcessTable& processes_;
    Worker files_;
    std::string directory_;
    bool known_ = false;
    std::vector<std::function<void()>> when_known_;
    std::size_t starting_ = 0;
    bool machine_stops_ = false;
    Sessions sessions_;
};

}  // namespace banger::agent
