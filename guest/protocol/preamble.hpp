// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

/// What host and guest agent say to each other, shared by the agent, the engine and the command line.
///
/// A session opens with a preamble, because a serial port has no connections: bytes meant for a client that died
/// reach the next one. The client sends `client_magic + token + nonce`; the agent answers `agent_magic + token +
/// nonce`. Each end discards everything before the other's preamble. HTTP/2 (RFC 9113, prior knowledge) follows at
/// once.
namespace banger::agent {

inline constexpr std::size_t nonce_size = 16;
inline constexpr std::string_view client_magic{
    "\xf1"
    "BANGER/CLIENT0\n",
    16};
inline constexpr std::string_view agent_magic{
    "\xf2"
    "BANGER/AGENT_0\n",
    16};

/// The secret of one VM: it keeps bytes that merely look like a preamble from ending a session.
using Token = std::array<char, 32>;

/// Reads 64 hexadecimal digits. Errors: invalid.
[[nodiscard]] sdk::Result<Token> token_from_hex(std::string_view hex);

/// `nonce` has nonce_size bytes.
[[nodiscard]] std::string client_preamble(const Token& token, std::string_view nonce);
[[nodiscard]] std::string agent_preamble(const Token& token, std::string_view nonce);

/// Finds a fixed byte string in a stream that arrives in pieces of any size.
class NeedleScanner {
public:
    explicit NeedleScanner(std::string needle) : needle_(std::move(needle)) {}

    /// The offset just behind the first occurrence that ends inside `piece`. Scanning goes on from there: feed the rest
    /// of the piece again. Nothing means that all of `piece` was looked at and its end remembered.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view piece);

private:
    std::string needle_;
    std::string carry_;  ///< the last bytes seen, fewer than the needle has
};

/// The agent's side: looks for a client's preamble at any time, also in the middle of a session.
class PreambleScanner {
public:
    struct Hit {
        std::string nonce;
        std::size_t end = 0;  ///< offset in the piece just behind the preamble
    };

    explicit PreambleScanner(const Token& token);

    /// The last preamble completed in this piece: an earlier one belongs to a client that is gone.
    [[nodiscard]] std::optional<Hit> feed(std::string_view piece);

private:
    NeedleScanner needle_;
    bool collecting_ = false;
    std::string nonce_;
};

}  // namespace banger::agent
