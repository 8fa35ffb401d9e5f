// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::agent {

class JsonText;

/// What to run in the guest. Arguments, environment and paths are bytes, not text: nothing is quoted, joined or
/// decoded.
struct ExecSpec {
    std::vector<std::string> argv;                         ///< empty: the user's login shell
    std::string tool;  ///< not empty: one of the agent's own tools (guest/agent/tools.hpp), argv are its arguments
    std::vector<std::pair<std::string, std::string>> env;  ///< on top of PATH, HOME, USER, LOGNAME, SHELL, TERM, LANG
    std::string cwd;                                       ///< empty: the user's home
    std::string user;                                      ///< a name, or uid[:gid]; empty: root
    bool tty = false;
    std::uint16_t columns = 0;  ///< 0: the terminal's own default
    std::uint16_t rows = 0;
    std::string term;  ///< TERM; empty: xterm-256color with a terminal, else unset
};

[[nodiscard]] std::string to_json(const ExecSpec& spec);
/// Its members, into an object that is begun.
void add_members(JsonText& json, const ExecSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<ExecSpec> exec_spec_from_json(std::string_view text);

/// How a command ended: exactly one of the two is meaningful.
struct ExitStatus {
    int code = 0;
    int signal = 0;  ///< not 0: killed by this signal of the guest

    /// What a shell reports: the code, or 128 + the signal.
    [[nodiscard]] int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

[[nodiscard]] std::string to_json(const ExitStatus& status);
/// Errors: invalid.
[[nodiscard]] sdk::Result<ExitStatus> exit_status_from_json(std::string_view text);

/// "INT", "SIGINT", "sigint" or "2" as a Linux x86-64 signal number. Errors: invalid.
[[nodiscard]] sdk::Result<int> signal_number(std::string_view text);
/// "INT"; a number where it has no name.
[[nodiscard]] std::string signal_name(int number);

/// A file to write (mode, owner and fsync matter) or to read (only the path does).
struct FileSpec {
    std::string path;  ///< absolute in the guest
    std::uint32_t mode = 0644;
    std::int64_t uid = 0;
    std::int64_t gid = 0;
    bool fsync = false;    ///< the file and its directory survive a power cut once the answer is there
    bool parents = false;  ///< make missing directories (0755, root)
};

[[nodiscard]] std::string to_json(const FileSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<FileSpec> file_spec_from_json(std::string_view text);

/// What is put at one place of the guest. Missing directories above it are made (0755).
struct EntrySpec {
    enum class Type { directory, file, link };
    Type type = Type::file;
    std::string path;           ///< absolute in the guest
    std::uint32_t mode = 0644;  ///< of a file or directory
    std::string target;         ///< of a link
};

[[nodiscard]] std::string to_json(const EntrySpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<EntrySpec> entry_spec_from_json(std::string_view text);

/// Where a connection in the guest goes: a port of one of its addresses, or a Unix socket; or one that is there already,
/// since somebody in the guest made it to where the host had the agent listen.
struct ConnectSpec {
    std::uint16_t tcp_port = 0;
    std::string tcp_address;  ///< IPv4 or IPv6 text; empty: the guest's loopback, 127.0.0.1 or else ::1
    std::string unix_path;
    std::int64_t accepted = 0;  ///< the number that it was announced with (accepted_to_json)
    bool refused = false;       ///< this one is reset, and not connected with anything
};

[[nodiscard]] std::string to_json(const ConnectSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<ConnectSpec> connect_spec_from_json(std::string_view text);

/// Connections that were announced on a listen stream (/v0/listen), and that the host has not asked for yet.
inline constexpr std::size_t most_announced = 64;

/// Where the agent listens for the host: a port of one of the guest's addresses, or a Unix socket.
struct ListenSpec {
    std::uint16_t tcp_port = 0;  ///< 0: one that is free
    std::string tcp_address;     ///< IPv4 or IPv6 text; empty: 127.0.0.1
    std::string unix_path;       ///< absolute, and nothing is there; empty: TCP
};

[[nodiscard]] std::string to_json(const ListenSpec& spec);
/// Errors: invalid.
[[nodiscard]] sdk::Result<ListenSpec> listen_spec_from_json(std::string_view text);

/// The payload of the `started` frame that answers it: the port, 0 of a Unix socket.
[[nodiscard]] std::string listening_to_json(std::uint16_t port);
/// Errors: invalid.
[[nodiscard]] sdk::Result<std::uint16_t> listening_from_json(std::string_view text);

/// The payload of each data frame that follows: the number of a connection that waits for a ConnectSpec with it.
[[nodiscard]] std::string accepted_to_json(std::int64_t number);
/// Errors: invalid.
[[nodiscard]] sdk::Result<std::int64_t> accepted_from_json(std::string_view text);

}  // namespace banger::agent
