// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "kept_answers.hpp"

#include <gtest/gtest.h>

#include "questions.hpp"

namespace banger::dns {
namespace {

using namespace testing;

constexpr unsigned no_error = 0;
constexpr unsigned malformed = 1;
constexpr unsigned no_such_name = 3;
constexpr unsigned not_implemented = 4;
constexpr unsigned refused = 5;

class AnswerTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(zone.publish({"web.vm", {"127.86.0.1", "fd00::1"}})); }

    [[nodiscard]] std::string ask(const std::string& packet, Transport transport = Transport::udp) const
    {
        return answer(zone, packet, transport);
    }
    [[nodiscard]] Header header_for(const std::string& packet) const
    {
        const auto reply = ask(packet);
        EXPECT_FALSE(reply.empty());
        return reply.empty() ? Header{} : header_of(reply);
    }

    Zone zone{"vm"};
};

TEST_F(AnswerTest, AnAddressIsAuthoritativeAndNotToBeKept)
{
    const auto reply = ask(question("web.vm", type_a));
    const auto header = header_of(reply);
    EXPECT_EQ(header.id, 0x4242U);
    EXPECT_TRUE(header.is_answer && header.authoritative && header.recursion_desired);
    EXPECT_FALSE(header.recursion_available || header.truncated);
    EXPECT_EQ(header.code, no_error);
    EXPECT_EQ(header.questions, 1U);
    EXPECT_EQ(header.answers, 1U);
    EXPECT_EQ(header.authorities + header.additional, 0U);
    // Behind the question: its name again, A, IN, no time to live, four bytes.
    const std::string record = u16(0xc00c) + u16(type_a) + u16(1) + u16(0) + u16(0) + u16(4) + "\x7f\x56" + '\0' + '\1';
    EXPECT_EQ(reply.substr(reply.size() - record.size()), record);
}

TEST_F(AnswerTest, TheQuestionComesBackAsItWasWritten)
{
    EXPECT_NE(ask(question("wEb.Vm", type_a)).find("\3wEb\2Vm"), std::string::npos);
}

TEST_F(AnswerTest, NoSuchNameAndNoSuchDataNameTheZone)
{
    const auto name = header_for(question("no.vm", type_a));
    EXPECT_EQ(name.code, no_such_name);
    EXPECT_EQ(name.answers, 0U);
    EXPECT_EQ(name.authorities, 1U);
    EXPECT_TRUE(name.authoritative);
    const auto data = header_for(question("web.vm", type_txt));
    EXPECT_EQ(data.code, no_error);
    EXPECT_EQ(data.answers, 0U);
    EXPECT_EQ(data.authorities, 1U);
}

TEST_F(AnswerTest, AnyGetsAllThereIs)
{
    EXPECT_EQ(header_for(question("x.web.vm", type_any)).answers, 2U);
    EXPECT_EQ(header_for(question("vm", type_any)).answers, 2U);  // SOA and NS
}

TEST_F(AnswerTest, ElsewhereAndOtherClassesAndTransfersAreRefused)
{
    for (const auto& packet : {question("example.com", type_a), question("", type_ns), question("vm", type_axfr),
                               question("version.bind", type_txt, 3), question("web.vm", type_a, 255)}) {
        const auto header = header_for(packet);
        EXPECT_EQ(header.code, refused);
        EXPECT_FALSE(header.authoritative);
    }
}

TEST_F(AnswerTest, EdnsIsAnsweredWithEdnsAndOtherwiseNot)
{
    EXPECT_EQ(header_for(question("web.vm", type_a)).additional, 0U);
    const auto reply = ask(question_with_edns("web.vm", type_a, edns(4096, 0, true)));
    EXPECT_EQ(header_of(reply).additional, 1U);
    const std::string record = edns(most_udp_bytes, 0, true);
    EXPECT_EQ(reply.substr(reply.size() - record.size()), record);
}

TEST_F(AnswerTest, EdnsOfALaterVersionIsRefusedByName)
{
    const auto reply = ask(question_with_edns("web.vm", type_a, edns(4096, 1)));
    EXPECT_EQ(header_of(reply).code, 0U);
    EXPECT_EQ(header_of(reply).answers, 0U);
    const std::string record = std::string(1, '\0') + u16(41) + u16(most_udp_bytes) + u16(0x0100) + u16(0) + u16(0);
    EXPECT_EQ(reply.substr(reply.size() - record.size()), record);
}

TEST_F(AnswerTest, TwoEdnsRecordsAreMalformed)
{
    const auto packet = header(1, 2) + wire_name("web.vm") + u16(type_a) + u16(1) + edns(512) + edns(512);
    EXPECT_EQ(header_for(packet).code, malformed);
}

TEST_F(AnswerTest, WhatDoesNotFitIsAskedForAgainOverTcp)
{
    std::vector<std::string> many;
    for (int i = 1; i <= 60; ++i)
        many.push_back("127.86.1." + std::to_string(i));
    ASSERT_TRUE(zone.publish({"many.vm", many}));
    const auto plain = ask(question("many.vm", type_a));
    EXPECT_TRUE(header_of(plain).truncated);
    EXPECT_EQ(header_of(plain).answers, 0U);
    EXPECT_LE(plain.size(), 512U);
    EXPECT_EQ(header_for(question_with_edns("many.vm", type_a, edns(1232))).answers, 60U);
    const auto over_tcp = header_of(ask(question("many.vm", type_a), Transport::tcp));
    EXPECT_FALSE(over_tcp.truncated);
    EXPECT_EQ(over_tcp.answers, 60U);
    // Not beyond what passes everywhere, whatever is offered.
    for (int i = 1; i <= 60; ++i)
        many.push_back("127.86.2." + std::to_string(i));
    ASSERT_TRUE(zone.publish({"many.vm", many}));
    EXPECT_TRUE(header_for(question_with_edns("many.vm", type_a, edns(65535))).truncated);
    EXPECT_TRUE(header_for(question_with_edns("many.vm", type_a, edns(0))).truncated);
}

TEST_F(AnswerTest, WhatIsNoQuestionOfOursGetsItsOwnAnswer)
{
    EXPECT_EQ(header_for(header(0)).code, malformed);
    EXPECT_EQ(header_for(header(2) + wire_name("web.vm") + u16(1) + u16(1) + wire_name("web.vm") + u16(1) + u16(1)).code,
              malformed);
    constexpr unsigned notify = 4U << 11U;
    constexpr unsigned update = 5U << 11U;
    for (const unsigned flags : {notify, update})
        EXPECT_EQ(header_for(header(1, 0, flags) + wire_name("vm") + u16(type_soa) + u16(1)).code, not_implemented);
    EXPECT_EQ(header_for(header(1) + "\xc0\x0c" + u16(1) + u16(1)).code, malformed);
    EXPECT_EQ(header_for(header(1)).code, malformed);
}

TEST_F(AnswerTest, KeptAnswersAreTheSameButForTheirIdAndEndWithAChange)
{
    KeptAnswers kept(zone);
    const auto first = question("web.vm", type_a);
    EXPECT_EQ(kept.answer(first, Transport::udp), ask(first));
    auto second = first;
    second[0] = 'x';
    EXPECT_EQ(kept.answer(second, Transport::udp), ask(second));
    EXPECT_EQ(kept.answer(second, Transport::udp)[0], 'x');
    zone.withdraw("web.vm");
    EXPECT_EQ(header_of(kept.answer(first, Transport::udp)).code, no_such_name);
    ASSERT_TRUE(zone.publish({"web.vm", {"127.86.0.9"}}));
    EXPECT_EQ(kept.answer(first, Transport::udp).back(), '\x09');
    // Over TCP there is more room.
    std::vector<std::string> many;
    for (int i = 1; i <= 60; ++i)
        many.push_back("127.86.1." + std::to_string(i));
    ASSERT_TRUE(zone.publish({"web.vm", many}));
    EXPECT_TRUE(header_of(kept.answer(first, Transport::udp)).truncated);
    EXPECT_EQ(header_of(kept.answer(first, Transport::tcp)).answers, 60U);
    EXPECT_TRUE(header_of(kept.answer(first, Transport::udp)).truncated);
    EXPECT_EQ(kept.answer("x", Transport::udp), "");
}

TEST_F(AnswerTest, AnswersAndScrapsGetNone)
{
    EXPECT_EQ(ask(""), "");
    EXPECT_EQ(ask("short"), "");
    constexpr unsigned is_answer = 0x8000;
    EXPECT_EQ(ask(header(1, 0, is_answer) + wire_name("web.vm") + u16(1) + u16(1)), "");
}

}  // namespace
}  // namespace banger::dns
