// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "guest/agent/command.hpp"
#include "guest/agent/session_log.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::agent {

/// A command that runs on whoever comes and goes, and the newest of what it wrote.
///
/// What it writes is taken at once, watched or not, unless its disk stands still: then it waits, and nobody else. Viewers read
/// from the log, each at its own pace, and one that is slower than the log is long misses a part. Its two files, what it is and the log, outlive the machine's stop; in the log's note is how
/// the session ended.
class CommandSession {
public:
    /// Its two files have its name, and these endings.
    static constexpr const char* record_suffix = ".json";
    static constexpr const char* log_suffix = ".log";

    /// Somebody who watches it or writes to it.
    class Viewer {
    public:
        virtual ~Viewer() = default;
        /// There is more output, or it has ended.
        virtual void on_change() = 0;
        virtual void on_input_drained() = 0;
        /// Somebody else has the input now.
        virtual void on_input_stolen() = 0;
    };
    /// Who only watches it at a time.
    static constexpr std::size_t most_viewers = 32;
    /// So long a disk may take with what whoever asks is to be sure of; then it is done without.
    static constexpr std::chrono::seconds patience_for_disk{3};

    /// What a session needs of the agent.
    struct Host {
        EventLoop& loop;
        ProcessTable& processes;
        Worker& files;          ///< who writes and reads its files
        std::string directory;  ///< where they are; made when there is need
    };

    /// Starts it; `spec` has a name. `make_room` is called once nothing can fail any more, and before its files are made. `kept` is
    /// called once they are.
    static sdk::Result<std::shared_ptr<CommandSession>> start(const Host& host, const SessionSpec& spec,
                                                              const Launch& launch,
                                                              const std::function<void()>& make_room,
                                                              std::function<void()> kept);
    /// One of an earlier start of the machine, as its files have it.
    struct Found {
        SessionFacts facts;
        RingLog log;
    };
    /// Reads files; on any thread. Nothing where they make no sense.
    static std::optional<Found> find(const std::string& directory, const std::string& name);
    CommandSession(Host host, SessionFacts facts, RingLog log);

    /// As of now.
    [[nodiscard]] SessionFacts facts() const;
    [[nodiscard]] const std::string& name() const { return facts_.name; }
    [[nodiscard]] bool running() const { return facts_.state == SessionFacts::State::running; }
    [[nodiscard]] const SessionLog& log() const { return log_; }

    /// With `steal` whoever has the input loses it. Errors: busy, if somebody has the input that `how` asks for, or too many watch
    /// already.
    sdk::Result<void> attach(Viewer& viewer, AttachSpec::How how, bool steal);
    void detach(Viewer& viewer);

    /// Errors: precondition, if it has ended or its input has, on whichever side.
    sdk::Result<void> check_takes_input() const;
    /// Errors: precondition, if some of what was written so far was discarded.
    sdk::Result<void> check_input_taken() const;
    void write(std::string_view bytes) { command_.write(bytes); }
    void end_input();
    [[nodiscard]] std::size_t input_backlog() const { return command_.input_backlog(); }
    /// Programs that draw their screen do that again.
    void resize(WindowSize size);

    /// Errors: precondition, if it has ended.
    sdk::Result<void> signal(int number);
    /// SIGTERM, and where it has a terminal SIGHUPs, as shells ignore the former. `ended` is called once it has ended, at once if
    /// it has.
    void ask_to_end(std::function<void()> ended);
    /// The same, and SIGKILL after the time, also to those of its processes that it left behind. Of several times the earliest counts.
    void stop(std::chrono::milliseconds timeout, std::function<void()> ended);
    /// What ends it from now on is that the machine stops. Where it has a terminal it gets SIGHUPs: an init may send SIGTERM alone,
    /// as ours does.
    void machine_stops();
    /// Removes its files.
    void forget() const;

private:
    void take_output();
    void hang_up();
    void end();
    void tell_of_end();
    [[nodiscard]] std::string path(const char* suffix) const { return host_.directory + "/" + facts_.name + suffix; }

    Host host_;
    SessionFacts facts_;  ///< what does not change while it runs
    SessionLog log_;
    Command command_;
    double started_ms_ = 0;  ///< since the kernel's start
    std::set<Viewer*> viewers_;
    std::set<const Viewer*> watching_;  ///< those of them who write nothing
    Viewer* controller_ = nullptr;
    bool input_ended_ = false;
    bool machine_stops_ = false;
    std::vector<std::function<void()>> when_ended_;
    EventLoop::Registration again_;
    EventLoop::Registration hangs_up_;
    EventLoop::Registration untold_end_;  ///< until its note is kept
};

}  // namespace banger::agent
