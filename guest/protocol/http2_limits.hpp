// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace banger::agent {

/// Flow control windows in bytes (RFC 9113, 6.9): one for all streams together, one with which each begins, and what some
/// are widened to (StreamWindows).
inline constexpr std::int32_t http2_connection_window = 32 * 1024 * 1024;
inline constexpr std::int32_t http2_stream_window = 64 * 1024;
inline constexpr std::int32_t http2_wide_stream_window = 2 * 1024 * 1024;
inline constexpr std::size_t http2_most_wide_connections = 16;
/// Room for one of our frames of 64 KiB with its header.
inline constexpr std::uint32_t http2_max_frame = 128 * 1024;

/// Streams at a time: each connection to a port of the guest is one.
inline constexpr std::uint32_t http2_most_streams = 16384;

/// The SETTINGS that both ends send.
inline std::array<nghttp2_settings_entry, 4> http2_settings()
{
    return {{{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(http2_stream_window)},
             {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, http2_max_frame},
             {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, http2_most_streams},
             {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}};
}

}  // namespace banger::agent
