// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/preamble.hpp"

#include <gtest/gtest.h>

namespace banger::agent {
namespace {

Token test_token()
{
    Token token{};
    for (std::size_t i = 0; i < token.size(); ++i)
        token[i] = static_cast<char>(i * 7 + 1);
    return token;
}

std::string nonce_full_of(char c)
{
    return std::string(nonce_size, c);
}

/// Feeds `stream` in pieces cut at `cuts` and returns the nonce of the last hit and what follows it.
struct Found {
    std::string nonce;
    std::string rest;
};
Found scan(const std::string& stream, std::initializer_list<std::size_t> cuts)
{
    PreambleScanner scanner(test_token());
    Found found;
    std::size_t at = 0;
    const auto feed = [&](std::size_t end) {
        const auto piece = std::string_view(stream).substr(at, end - at);
        at = end;
        if (const auto hit = scanner.feed(piece)) {
            found.nonce = hit->nonce;
            found.rest = piece.substr(hit->end);
        } else {
            found.rest += piece;
        }
    };
    for (const auto cut : cuts)
        feed(cut);
    feed(stream.size());
    return found;
}

TEST(TokenFromHex, TakesSixtyFourDigitsOnly)
{
    EXPECT_TRUE(token_from_hex(std::string(64, 'a')));
    EXPECT_EQ((*token_from_hex("ff" + std::string(62, '0')))[0], '\xff');
    EXPECT_FALSE(token_from_hex(std::string(63, 'a')));
    EXPECT_FALSE(token_from_hex(std::string(63, 'a') + "g"));
    EXPECT_FALSE(token_from_hex(""));
}

TEST(PreambleScanner, FindsAPreambleSplitAnywhere)
{
    const std::string garbage =
        "left over \xf1 BANGER \xf1"
        "BANGER/CLIENT0\n";
    const std::string stream = garbage + client_preamble(test_token(), nonce_full_of('n')) + "the session";
    for (std::size_t first = 0; first <= stream.size(); ++first)
        for (std::size_t second = first; second <= stream.size(); second += 5) {
            const auto found = scan(stream, {first, second});
            ASSERT_EQ(found.nonce, nonce_full_of('n')) << first << " " << second;
            ASSERT_EQ(found.rest, "the session") << first << " " << second;
        }
}

TEST(PreambleScanner, FindsOneFedByteByByte)
{
    const std::string stream = std::string(1000, '\xf1') + client_preamble(test_token(), nonce_full_of('b')) + "x";
    PreambleScanner scanner(test_token());
    int hits = 0;
    for (const char& byte : stream)
        if (const auto hit = scanner.feed({&byte, 1})) {
            ++hits;
            EXPECT_EQ(hit->nonce, nonce_full_of('b'));
        }
    EXPECT_EQ(hits, 1);
}

TEST(PreambleScanner, ALaterPreambleReplacesOneCutShortAtAnyByte)
{
    const std::string dead = client_preamble(test_token(), nonce_full_of('d'));
    const std::string live = client_preamble(test_token(), nonce_full_of('l')) + "hello";
    for (std::size_t kept = 0; kept <= dead.size(); ++kept) {
        const std::string stream = dead.substr(0, kept) + live;
        for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
            const auto found = scan(stream, {cut});
            ASSERT_EQ(found.nonce, nonce_full_of('l')) << kept << " " << cut;
            ASSERT_EQ(found.rest, "hello") << kept << " " << cut;
        }
    }
}

TEST(PreambleScanner, AnotherMachinesTokenIsNoPreamble)
{
    Token other = test_token();
    other[31] ^= 1;
    PreambleScanner scanner(test_token());
    EXPECT_FALSE(scanner.feed(client_preamble(other, nonce_full_of('o'))));
}

TEST(NeedleScanner, FindsEveryOccurrenceInTurn)
{
    NeedleScanner scanner("abcab");
    const std::string text = "xxabcabyyabcab";
    const auto first = scanner.find(text);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, 7U);
    const auto second = scanner.find(std::string_view(text).substr(*first));
    ASSERT_TRUE(second);
    EXPECT_EQ(*second, 7U);
    EXPECT_FALSE(scanner.find(""));
}

}  // namespace
}  // namespace banger::agent
