// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "core/model/json.hpp"

/// JSON-RPC 2.0 (https://www.jsonrpc.org/specification) over a Unix stream socket, one message per line. A message that
/// carries descriptors says how many in its member "descriptors"; they travel with its first byte (SCM_RIGHTS, unix(7)).
/// Methods are listed in docs/rpc.md.
namespace banger::rpc {

/// Changes whenever a client and a daemon of different builds would misunderstand each other.
inline constexpr int protocol_version = 1;

/// A message may be at most this long, in bytes.
inline constexpr std::size_t most_message = 16U << 20U;

/// The id of a request as JSON text: `7`, `"seven"`; `null` in the answer to what has none that can be read.
using RequestId = std::string;

/// Codes of JSON-RPC 2.0, section 5.1. `failed` is the first of those that it leaves to servers; `data` says what failed.
enum class ErrorCode {
    not_json = -32700,
    no_request = -32600,
    no_such_method = -32601,
    bad_params = -32602,
    failed = -32000,
};

struct Message {
    json::Document body;
    std::vector<sdk::os::UniqueFd> descriptors;
};

std::string encode_request(std::uint64_t id, std::string_view method, const json::Value& params,
                           std::size_t descriptors = 0);
std::string encode_notification(std::string_view method, const json::Value& params);
std::string encode_result(const RequestId& id, const json::Value& result, std::size_t descriptors);
std::string encode_error(const RequestId& id, const sdk::Error& error, ErrorCode code = ErrorCode::failed);

/// Collects bytes and descriptors from a non-blocking or blocking socket and hands out whole messages.
class MessageReader {
public:
    enum class Status { got_some, would_block, closed };

    enum class Descriptors { taken, refused };

    explicit MessageReader(std::size_t most_bytes = most_message, Descriptors descriptors = Descriptors::taken)
        : most_(most_bytes), takes_descriptors_(descriptors == Descriptors::taken)
    {
    }

    /// One recvmsg(2). `invalid` if the other side sends more than that without a newline, or descriptors that belong to
    /// no message. Those that are refused do not become this process's.
    sdk::Result<Status> receive(int socket);

    /// The next whole message; nothing if there is none yet. `corrupt` if a line is not JSON, `invalid` if it is no
    /// object or came without its descriptors: that line is skipped, and the next call goes on behind it.
    sdk::Result<std::optional<Message>> next();

private:
    std::size_t most_;
    bool takes_descriptors_;
    std::string buffer_;
    std::size_t searched_ = 0;
    std::vector<sdk::os::UniqueFd> descriptors_;
};

/// One sendmsg(2) of as much as goes. Returns the bytes sent; 0 if it would block. The descriptors go with the first byte.
sdk::Result<std::size_t> send_some(int socket, std::string_view bytes,
                                   const std::vector<sdk::os::UniqueFd>& descriptors);

}  // namespace banger::rpc
