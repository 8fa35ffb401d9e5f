// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/frames.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace banger::agent {
namespace {

using Frame = std::pair<FrameType, std::string>;

std::vector<Frame> read_in_pieces(const std::string& bytes, std::size_t first, std::size_t second)
{
    std::vector<Frame> frames;
    FrameReader reader;
    const auto take = [&](FrameType type, std::string_view payload) {
        frames.emplace_back(type, payload);
        return true;
    };
    EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(0, first), take));
    EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(first, second - first), take));
    EXPECT_TRUE(reader.feed(std::string_view(bytes).substr(second), take));
    EXPECT_TRUE(reader.between_frames());
    return frames;
}

TEST(FrameReader, CutsAStreamSplitAnywhere)
{
    const std::vector<Frame> frames{{FrameType::spec, R"({"argv":["x"]})"},
                                    {FrameType::data, std::string("\0\xff\n", 3)},
                                    {FrameType::eof, ""},
                                    {FrameType::signal, "INT"},
                                    {FrameType::resize, resize_payload(80, 24)}};
    std::string bytes;
    for (const auto& [type, payload] : frames)
        write_frame(bytes, type, payload);
    for (std::size_t first = 0; first <= bytes.size(); ++first)
        for (std::size_t second = first; second <= bytes.size(); ++second)
            ASSERT_EQ(read_in_pieces(bytes, first, second), frames) << first << " " << second;
}

TEST(FrameReader, RefusesLengthsBeyondTheLimits)
{
    const auto refuses = [](FrameType type, std::size_t length) {
        const auto header = frame_header(type, length);
        FrameReader reader;
        return !reader.feed({header.data(), header.size()}, [](auto, auto) { return true; });
    };
    EXPECT_FALSE(refuses(FrameType::data, max_frame_payload));
    EXPECT_TRUE(refuses(FrameType::data, max_frame_payload + 1));
    EXPECT_FALSE(refuses(FrameType::spec, max_spec_payload));
    EXPECT_TRUE(refuses(FrameType::spec, max_spec_payload + 1));
    EXPECT_TRUE(refuses(FrameType::out, 0xffffffff));
}

TEST(FrameReader, StopsWhenTheSinkSaysSo)
{
    std::string bytes;
    write_frame(bytes, FrameType::data, "one");
    write_frame(bytes, FrameType::data, "two");
    FrameReader reader;
    int calls = 0;
    EXPECT_TRUE(reader.feed(bytes, [&](auto, auto) { return ++calls > 1; }));
    EXPECT_EQ(calls, 1);
}

TEST(WriteFrame, CutsLongDataIntoSeveral)
{
    std::string bytes;
    const std::string data(max_frame_payload * 2 + 1, 'x');
    write_frame(bytes, FrameType::data, data);
    std::string joined;
    std::vector<std::size_t> sizes;
    FrameReader reader;
    EXPECT_TRUE(reader.feed(bytes, [&](auto, std::string_view payload) {
        joined += payload;
        sizes.push_back(payload.size());
        return true;
    }));
    EXPECT_EQ(joined, data);
    EXPECT_EQ(sizes, (std::vector<std::size_t>{max_frame_payload, max_frame_payload, 1}));
}

TEST(WindowSize, TravelsInFourBytes)
{
    const auto size = window_size_of(resize_payload(300, 65535));
    ASSERT_TRUE(size);
    EXPECT_EQ(size->columns, 300);
    EXPECT_EQ(size->rows, 65535);
    EXPECT_FALSE(window_size_of("123"));
}

}  // namespace
}  // namespace banger::agent
