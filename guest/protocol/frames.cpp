// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/frames.hpp"

#include <algorithm>

namespace banger::agent {
namespace {

std::uint32_t length_of(std::string_view header)
{
    std::uint32_t length = 0;
    for (std::size_t i = 1; i < frame_header_size; ++i)
        length = length << 8U | static_cast<std::uint8_t>(header[i]);
    return length;
}

bool is_data(FrameType type)
{
    return type == FrameType::data || type == FrameType::out || type == FrameType::err;
}

}  // namespace

std::array<char, frame_header_size> frame_header(FrameType type, std::size_t payload_size)
{
    const auto length = static_cast<std::uint32_t>(payload_size);
    return {static_cast<char>(type), static_cast<char>(length >> 24U), static_cast<char>(length >> 16U),
            static_cast<char>(length >> 8U), static_cast<char>(length)};
}

void write_frame(std::string& out, FrameType type, std::string_view payload)
{
    do {
        const std::string_view part = is_data(type) ? payload.substr(0, max_frame_payload) : payload;
        const auto header = frame_header(type, part.size());
        out.append(header.data(), header.size());
        out.append(part);
        payload.remove_prefix(part.size());
    } while (!payload.empty());
}

std::string resize_payload(std::uint16_t columns, std::uint16_t rows)
{
    return {static_cast<char>(columns >> 8U), static_cast<char>(columns), static_cast<char>(rows >> 8U),
            static_cast<char>(rows)};
}

sdk::Result<WindowSize> window_size_of(std::string_view payload)
{
    if (payload.size() != 4)
        return sdk::make_error(sdk::Code::invalid, "a resize frame must have four bytes");
    const auto word = [&](std::size_t at) {
        return static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[at]) << 8U |
                                          static_cast<std::uint8_t>(payload[at + 1]));
    };
    return WindowSize{word(0), word(2)};
}

sdk::Result<void> FrameReader::feed(std::string_view bytes, const Sink& sink)
{
    while (!bytes.empty()) {
        // A header split between pieces is completed in the buffer first; a whole frame is handed on without a copy.
        if (buffer_.size() + bytes.size() < frame_header_size) {
            buffer_.append(bytes);
            return {};
        }
        if (!buffer_.empty() && buffer_.size() < frame_header_size) {
            const std::size_t missing = frame_header_size - buffer_.size();
            buffer_.append(bytes.substr(0, missing));
            bytes.remove_prefix(missing);
        }
        const std::string_view header = buffer_.empty() ? bytes : std::string_view(buffer_);
        const auto type = static_cast<FrameType>(header[0]);
        const std::size_t length = length_of(header);
        if (length > (type == FrameType::spec ? max_spec_payload : max_frame_payload))
            return sdk::make_error(sdk::Code::corrupt,
                                   "the agent protocol got a frame of " + std::to_string(length) + " bytes");

        const std::size_t whole = frame_header_size + length;
        const std::size_t missing = whole - buffer_.size();
        if (bytes.size() < missing) {
            buffer_.append(bytes);
            return {};
        }
        bool go_on = false;
        if (buffer_.empty()) {
            go_on = sink(type, bytes.substr(frame_header_size, length));
        } else {
            buffer_.append(bytes.substr(0, missing));
            go_on = sink(type, std::string_view(buffer_).substr(frame_header_size));
            buffer_.clear();
        }
        if (!go_on)
            return {};
        bytes.remove_prefix(missing);
    }
    return {};
}

}  // namespace banger::agent
