// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "frame_relay.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <array>
#include <thread>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"
#include "frames.hpp"
#include "traffic.hpp"

namespace banger::user {
namespace {

using sdk::Egress;
using sdk::os::UniqueFd;
using testing::Bytes;
using testing::frame_of;

class FrameRelayTest : public ::testing::Test {
protected:
    FrameRelayTest()
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        guest.reset(ends[0]);
        vmm_.reset(ends[1]);
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        passt_.reset(ends[0]);
        outside.reset(ends[1]);
        relay_ = std::thread([this] {
            relay_frames(vmm_.get(), passt_.get(), Egress::internet);
            vmm_.reset();
            passt_.reset();
        });
    }
    ~FrameRelayTest() override
    {
        guest.reset();
        outside.reset();
        relay_.join();
    }

    static std::string wire(const Bytes& frame)
    {
        std::string text;
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            text += static_cast<char>(frame.size() >> shift & 0xffU);
        text.append(frame.begin(), frame.end());
        return text;
    }
    static std::string take(const UniqueFd& from, std::size_t count)
    {
        std::string text(count, '\0');
        const ssize_t got = ::recv(from.get(), text.data(), count, MSG_WAITALL);
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        return text;
    }

    UniqueFd guest;
    UniqueFd outside;

private:
    UniqueFd vmm_;
    UniqueFd passt_;
    std::thread relay_;
};

TEST(Traffic, IsToldInWordsThatAreReadBack)
{
    const auto facts = traffic_facts(to_text({1, 2, 3, 4, 18446744073709551615U}));
    EXPECT_EQ(facts, (sdk::Fields{{"rx_bytes", "1"},
                                  {"rx_packets", "2"},
                                  {"tx_bytes", "3"},
                                  {"tx_packets", "4"},
                                  {"refused_packets", "18446744073709551615"}}));
    for (const char* torn : {"", "rx_bytes=1 rx_pack", "rx_bytes=x\n", "rx_bytes\n", "rx_bytes=\n", "=-1\n"})
        EXPECT_TRUE(traffic_facts(torn).empty()) << torn;
}

TEST_F(FrameRelayTest, CarriesFramesBothWays)
{
    const auto frame = wire(frame_of({"1.1.1.1"}));
    ASSERT_TRUE(sdk::os::write_all(guest.get(), frame));
    EXPECT_EQ(take(outside, frame.size()), frame);
    const auto reply = wire(frame_of({"10.0.2.15"}));
    ASSERT_TRUE(sdk::os::write_all(outside.get(), reply));
    EXPECT_EQ(take(guest, reply.size()), reply);
}

TEST_F(FrameRelayTest, ARefusedFrameIsAnsweredAndTheNextOnePasses)
{
    const auto good = wire(frame_of({"1.1.1.1"}));
    const auto dropped = wire(frame_of({"1.1.1.1", 6, 80, 0, 5, 4, 0x86dd}));
    ASSERT_TRUE(sdk::os::write_all(guest.get(), wire(frame_of({"127.0.0.1"})) + dropped + good));
    EXPECT_EQ(take(outside, good.size()), good);
    const auto answer = take(guest, 4 + 70);
    ASSERT_EQ(answer.size(), 74U);
    EXPECT_EQ(answer[4 + 34], 3);
}

TEST_F(FrameRelayTest, FramesMayComeByteByByte)
{
    const auto frame = wire(frame_of({"1.1.1.1"}));
    for (const char byte : frame + frame)
        ASSERT_TRUE(sdk::os::write_all(guest.get(), std::string_view(&byte, 1)));
    EXPECT_EQ(take(outside, 2 * frame.size()), frame + frame);
}

TEST_F(FrameRelayTest, AllOfAFloodArrivesInOrderThoughNobodyReadsAtFirst)
{
    std::string sent;
    for (std::uint16_t i = 0; i < 3000; ++i)
        sent += wire(frame_of({"1.1.1.1", 6, i, 0, 5, 4, 0x0800, 20U + i * 7U % 1480}));
    sent += wire(frame_of({"1.1.1.1", 6, 1, 0, 5, 4, 0x0800, 65515}));  // the longest IPv4 packet there is
    std::thread writer([&] { EXPECT_TRUE(sdk::os::write_all(guest.get(), sent)); });
    const auto back = wire(frame_of({"10.0.2.15"}));
    ASSERT_TRUE(sdk::os::write_all(outside.get(), back));  // a full way does not stop the other one
    EXPECT_EQ(take(guest, back.size()), back);
    EXPECT_TRUE(take(outside, sent.size()) == sent);
    writer.join();
}

TEST_F(FrameRelayTest, AFloodOfRefusedFramesFillsNothingUp)
{
    const auto bad = wire(frame_of({"127.0.0.1"}));
    const auto good = wire(frame_of({"1.1.1.1"}));
    std::thread reader([&] {
        std::array<char, 65536> buffer{};
        while (::recv(guest.get(), buffer.data(), buffer.size(), 0) > 0) {
        }
    });
    for (int i = 0; i < 20000; ++i)
        ASSERT_TRUE(sdk::os::write_all(guest.get(), bad));
    ASSERT_TRUE(sdk::os::write_all(guest.get(), good));
    EXPECT_EQ(take(outside, good.size()), good);
    outside.reset();
    reader.join();
}

TEST_F(FrameRelayTest, EndsWithEitherEnd)
{
    outside.reset();
    EXPECT_EQ(take(guest, 1), "");
}

TEST_F(FrameRelayTest, EndsWhenWhatComesIsNoFrame)
{
    ASSERT_TRUE(sdk::os::write_all(guest.get(), "GET / HTTP/1.1\r\n"));
    EXPECT_EQ(take(outside, 1), "");
    EXPECT_EQ(take(guest, 1), "");
}

}  // namespace
}  // namespace banger::user
