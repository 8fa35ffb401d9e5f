// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "frame_policy.hpp"

#include <gmock/gmock.h>

#include "frames.hpp"

namespace banger::user {
namespace {

using sdk::Egress;
using testing::Bytes;
using testing::frame_of;
using testing::Sent;

TEST(FramePolicy, TheHostItselfIsRefusedToEverybody)
{
    for (const char* to : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.0.0.53", "127.255.255.255"})
        for (const auto egress : {Egress::internet, Egress::all})
            for (const std::uint8_t protocol : {1, 6, 17, 47})
                EXPECT_EQ(judge(frame_of({to, protocol}), egress), Verdict::refuse) << to;
}

TEST(FramePolicy, WhatIsNotTheInternetIsRefusedToThoseWhoAskedForTheInternet)
{
    for (const char* to : {"10.0.0.1", "10.0.2.2", "10.255.255.255", "100.64.0.1", "100.127.255.255", "168.63.129.16", "169.254.169.254",
                           "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.168.0.1", "192.168.255.255", "198.18.0.1",
                           "198.19.255.255", "224.0.0.251", "239.255.255.255", "240.0.0.1", "255.255.255.255"}) {
        EXPECT_EQ(judge(frame_of({to}), Egress::internet), Verdict::refuse) << to;
        EXPECT_EQ(judge(frame_of({to}), Egress::all), Verdict::pass) << to;
    }
    for (const char* to : {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
                           "128.0.0.1", "168.63.129.15", "168.63.129.17", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.0",
                           "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"})
        EXPECT_EQ(judge(frame_of({to}), Egress::internet), Verdict::pass) << to;
}

TEST(FramePolicy, TheGuestsOwnServicesPass)
{
    const Sent dns{"10.0.2.3", 17, 53};
    EXPECT_EQ(judge(frame_of(dns), Egress::internet), Verdict::pass);
    EXPECT_EQ(judge(frame_of({"255.255.255.255", 17, 67}), Egress::internet), Verdict::pass);
    EXPECT_EQ(judge(frame_of({"10.0.2.2", 17, 67}), Egress::internet), Verdict::pass);
    EXPECT_EQ(judge(frame_of({"10.0.2.3", 6, 53}), Egress::internet), Verdict::refuse);  // passt forwards UDP only
    EXPECT_EQ(judge(frame_of({"10.0.2.3", 17, 54}), Egress::internet), Verdict::refuse);
    EXPECT_EQ(judge(frame_of({"10.0.2.4", 17, 53}), Egress::internet), Verdict::refuse);
    Sent part = dns;
    part.fragment = 0x00b9;
    EXPECT_EQ(judge(frame_of(part), Egress::internet), Verdict::refuse);
    Sent with_options = dns;
    with_options.words = 15;
    EXPECT_EQ(judge(frame_of(with_options), Egress::internet), Verdict::pass);
    Sent cut = dns;
    cut.payload = 7;
    EXPECT_EQ(judge(frame_of(cut), Egress::internet), Verdict::refuse);
}

TEST(FramePolicy, ArpPassesAndWhatIsNoIpv4Goes)
{
    EXPECT_EQ(judge(frame_of({"1.1.1.1", 6, 80, 0, 5, 4, 0x0806}), Egress::internet), Verdict::pass);
    for (const std::uint16_t ethertype : {0x86dd, 0x8100, 0x88cc, 0x0000})
        EXPECT_EQ(judge(frame_of({"1.1.1.1", 6, 80, 0, 5, 4, ethertype}), Egress::all), Verdict::drop);
    EXPECT_EQ(judge(frame_of({"1.1.1.1", 6, 80, 0, 5, 6}), Egress::all), Verdict::drop);  // version 6
    EXPECT_EQ(judge(frame_of({"1.1.1.1", 6, 80, 0, 4}), Egress::all), Verdict::drop);     // a header of 16 bytes
    EXPECT_EQ(judge(frame_of({"1.1.1.1", 6, 80, 0, 15, 4, 0x0800, 0}), Egress::all), Verdict::pass);
}

TEST(FramePolicy, NoFrameIsReadBeyondItsEnd)
{
    const Bytes whole = frame_of({"127.0.0.1", 17, 53, 0, 15});
    for (std::size_t length = 0; length <= whole.size(); ++length) {
        const Bytes cut(whole.begin(),
                        whole.begin() + static_cast<std::ptrdiff_t>(length));  // so that a sanitizer sees
        EXPECT_NE(judge(cut, Egress::internet), Verdict::pass);
        EXPECT_LE(refusal_of(cut).size(), 14U + 20 + 8 + 68);
    }
}

TEST(FramePolicy, ARefusalQuotesWhatWasRefused)
{
    const Bytes frame = frame_of({"192.168.1.1", 6, 443});
    const Bytes answer = refusal_of(frame);
    ASSERT_EQ(answer.size(), 14U + 20 + 8 + 28);
    EXPECT_EQ(Bytes(answer.begin(), answer.begin() + 6), Bytes(6, 0x22));
    EXPECT_EQ(Bytes(answer.begin() + 6, answer.begin() + 12), Bytes(6, 0x55));
    EXPECT_EQ(Bytes(answer.begin() + 26, answer.begin() + 34), (Bytes{10, 0, 2, 2, 10, 0, 2, 15}));
    EXPECT_EQ(answer[34], 3);
    EXPECT_EQ(answer[35], 13);
    EXPECT_EQ(Bytes(answer.begin() + 42, answer.end()), Bytes(frame.begin() + 14, frame.begin() + 42));
    // A range with its own checksum in it sums to all ones (RFC 1071).
    const auto sum = [&](std::size_t at, std::size_t end) {
        std::uint32_t total = 0;
        for (; at < end; at += 2)
            total += static_cast<std::uint32_t>(answer[at] << 8U | answer[at + 1]);
        return (total & 0xffffU) + (total >> 16U);
    };
    EXPECT_EQ(sum(14, 34), 0xffffU);
    EXPECT_EQ(sum(34, answer.size()), 0xffffU);
}

TEST(FramePolicy, SomeThingsAreNotAnswered)
{
    EXPECT_TRUE(refusal_of(frame_of({"224.0.0.251", 17, 5353})).empty());
    EXPECT_TRUE(refusal_of(frame_of({"255.255.255.255", 17, 9})).empty());
    EXPECT_TRUE(refusal_of(frame_of({"192.168.1.1", 6, 80, 0x00b9})).empty());  // a later fragment
    EXPECT_FALSE(refusal_of(frame_of({"192.168.1.1", 1})).empty());             // a ping
    Bytes error = frame_of({"192.168.1.1", 1});
    error[34] = 3;
    EXPECT_TRUE(refusal_of(error).empty());
}

}  // namespace
}  // namespace banger::user
