// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// The bodies of streaming requests are sequences of frames: `u8 type, u32 big-endian length, payload`.
/// The daemon relays them untouched between the command line and the agent. A receiver skips types it does not know.
enum class FrameType : std::uint8_t {
    // from the client
    spec = 1,    ///< JSON, the first frame of a request
    data = 2,    ///< stdin of a command, bytes of a file or of a connection (both directions)
    eof = 3,     ///< no more data in this direction; empty
    resize = 4,  ///< two big-endian u16: columns, rows
    signal = 5,  ///< a name ("INT", "SIGTERM") or a number, as text
    // from the agent
    started = 16,  ///< JSON: facts of what began, e.g. {"pid":7} or {"size":1,"mode":420}
    out = 17,      ///< bytes a command wrote to stdout (or to its terminal)
    err = 18,      ///< bytes a command wrote to stderr
    exit = 19,     ///< JSON {"code":N} or {"signal":N}; the last frame of an exec
    error = 20,    ///< JSON {"code","message","hint"} with the names of sdk::Code; the last frame
    done = 21,     ///< JSON: the request took effect (a written file is in place); the last frame
    gap = 22,      ///< so many bytes of a session's output are missing here, in decimal
    // from the daemon, of a forward
    notice = 23,  ///< JSON as of `error`: what failed of it, and it goes on
};

inline constexpr std::size_t frame_header_size = 5;
inline constexpr std::size_t max_frame_payload = 64UL * 1024;
/// A spec carries an argument vector and an environment, which may be longer than any piece of data.
inline constexpr std::size_t max_spec_payload = 4UL * 1024 * 1024;

[[nodiscard]] std::array<char, frame_header_size> frame_header(FrameType type, std::size_t payload_size);

/// Appends one frame; a longer payload of type data, out or err becomes several.
void write_frame(std::string& out, FrameType type, std::string_view payload = {});

[[nodiscard]] std::string resize_payload(std::uint16_t columns, std::uint16_t rows);

struct WindowSize {
    std::uint16_t columns = 0;
    std::uint16_t rows = 0;
};
/// Errors: invalid.
[[nodiscard]] sdk::Result<WindowSize> window_size_of(std::string_view payload);

/// Cuts a byte stream into frames, whatever the pieces it arrives in.
class FrameReader {
public:
    /// Gets each complete frame; the payload is valid during the call only. Returning false ends the reading: the rest
    /// of the input is ignored.
    using Sink = std::function<bool(FrameType, std::string_view payload)>;

    /// Errors: corrupt (a length beyond the limits); the reader is of no use afterwards.
    sdk::Result<void> feed(std::string_view bytes, const Sink& sink);

    /// True when the input so far ends between two frames.
    [[nodiscard]] bool between_frames() const { return buffer_.empty(); }

private:
    std::string buffer_;  ///< the beginning of a frame that is not complete
};

}  // namespace banger::agent
