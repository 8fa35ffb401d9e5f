// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/frames.hpp"

/// Sessions: commands that the agent keeps, whoever comes and goes. Not the HTTP/2 sessions of the channel.
namespace banger::agent {

/// A name of a session: 1 to 48 of a-z, A-Z, 0-9, '_', '-' and '.', the first a letter or digit. Errors: invalid.
[[nodiscard]] sdk::Result<void> check_session_name(std::string_view name);

/// POST /v0/session/start; answered with SessionFacts.
struct SessionSpec {
    ExecSpec exec;                     ///< no tool
    std::string name;                  ///< empty: one is made of the command's
    std::vector<std::string> require;  ///< commands that must be there
    std::uint64_t log_bytes = 0;       ///< how much of its output is kept; 0: as the agent likes
    std::int64_t now_s = 0;            ///< the host's clock, Unix seconds: a guest's own may say anything
};

[[nodiscard]] std::string to_json(const SessionSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<SessionSpec> session_spec_from_json(std::string_view text);

/// How a session came to its end.
struct SessionEnd {
    ExitStatus exit;
    std::int64_t ran_ms = 0;     ///< on the guest's boot clock
    bool by_machine = false;     ///< while the machine was being stopped
};

[[nodiscard]] std::string to_json(const SessionEnd& end);
/// Errors: invalid.
[[nodiscard]] sdk::Result<SessionEnd> session_end_from_json(std::string_view text);

/// What there is to know of a session.
struct SessionFacts {
    enum class State {
        running,
        ended,
        lost  ///< the machine went off with it: nobody knows how it ended
    };
    std::string name;
    State state = State::running;
    std::vector<std::string> argv;
    std::string user;  ///< as it was asked for; empty: root
    std::string cwd;   ///< where it was started
    bool tty = false;
    std::int64_t pid = 0;               ///< 0 unless it runs
    std::int64_t started_s = 0;         ///< the host's clock when it was started, Unix seconds
    std::optional<std::int64_t> ran_ms; ///< so far, or until it ended; nothing for a lost one
    SessionEnd end;                     ///< of one that has ended
    bool attached = false;              ///< somebody has it, and its input
    std::int64_t viewers = 0;           ///< others who watch
    std::uint64_t written_bytes = 0;    ///< its output
    std::uint64_t dropped_bytes = 0;    ///< of that, the oldest, which is kept no more
    std::uint64_t log_bytes = 0;        ///< how much may be kept
    std::string log_problem;            ///< why it is kept in memory only; empty: it is in a file
};

[[nodiscard]] std::string_view to_string(SessionFacts::State state);

[[nodiscard]] std::string to_json(const SessionFacts& facts);
/// Errors: invalid.
[[nodiscard]] sdk::Result<SessionFacts> session_facts_from_json(std::string_view text);

/// {"sessions": [facts…]}: the answer to POST /v0/session/list, whose body is {} or {"name"}.
[[nodiscard]] std::string to_json(const std::vector<SessionFacts>& sessions);
/// Errors: invalid.
[[nodiscard]] sdk::Result<std::vector<SessionFacts>> sessions_from_json(std::string_view text);

/// POST /v0/session/signal {"name", "signal"} and /v0/session/stop {"name", "timeout_ms"}, both answered with SessionFacts,
/// the latter when the session has ended.
struct SessionOrder {
    std::string name;
    int signal = 0;               ///< of an order to signal
    std::int64_t timeout_ms = 0;  ///< of an order to stop: from SIGTERM to SIGKILL
};

[[nodiscard]] std::string to_json(const SessionOrder& order);
/// Errors: invalid.
[[nodiscard]] sdk::Result<SessionOrder> session_order_from_json(std::string_view text);

/// The spec of POST /v0/session/attach. What is kept of the session's output comes first, in out and err frames, `gap` frames
/// where some is missing, then what it writes. The last frame is exit once the session has ended, error if it is lost, or
/// done where that is all that was asked for.
struct AttachSpec {
    enum class How {
        control,  ///< with the session's input, which one client has at a time; data, resize and signal frames are taken
        view,     ///< output only, beside others
        read,     ///< the same without what is written later
        send      ///< input only: data, then eof, which `end_input` passes on; answered with done
    };
    std::string name;
    How how = How::view;
    bool end_input = false;
    bool steal = false;  ///< with control: from whoever has it, who gets an error frame
    WindowSize size{};   ///< with control; columns 0: as it is
};

/// Errors: invalid.
[[nodiscard]] sdk::Result<AttachSpec::How> attach_way_of(std::string_view word);
[[nodiscard]] std::string to_json(const AttachSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<AttachSpec> attach_spec_from_json(std::string_view text);

/// The payload of a gap frame: how many bytes of output are missing here, in decimal.
[[nodiscard]] std::uint64_t gap_of(std::string_view payload);

}  // namespace banger::agent
