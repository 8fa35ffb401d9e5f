// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/preamble.hpp"

#include <cstring>

namespace banger::agent {
namespace {

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::string preamble(std::string_view magic, const Token& token, std::string_view nonce)
{
    std::string bytes(magic);
    bytes.append(token.data(), token.size());
    bytes.append(nonce);
    return bytes;
}

std::optional<std::size_t> position(std::string_view hay, std::string_view needle)
{
    // memmem is linear with a skip table; std::string_view::find stops at every first byte.
    const void* found = memmem(hay.data(), hay.size(), needle.data(), needle.size());
    if (found == nullptr)
        return std::nullopt;
    return static_cast<std::size_t>(static_cast<const char*>(found) - hay.data());
}

}  // namespace

sdk::Result<Token> token_from_hex(std::string_view hex)
{
    Token token{};
    if (hex.size() != token.size() * 2)
        return sdk::make_error(sdk::Code::invalid, "the agent's token must have 64 hexadecimal digits");
    for (std::size_t i = 0; i < token.size(); ++i) {
        const int high = hex_digit(hex[2 * i]);
        const int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return sdk::make_error(sdk::Code::invalid, "the agent's token must have 64 hexadecimal digits");
        token[i] = static_cast<char>(high * 16 + low);
    }
    return token;
}

std::string client_preamble(const Token& token, std::string_view nonce)
{
    return preamble(client_magic, token, nonce);
}

std::string agent_preamble(const Token& token, std::string_view nonce)
{
    return preamble(agent_magic, token, nonce);
}

std::optional<std::size_t> NeedleScanner::find(std::string_view piece)
{
    const std::size_t keep = needle_.size() - 1;
    if (!carry_.empty()) {
        const std::string seam = carry_ + std::string(piece.substr(0, keep));
        if (const auto at = position(seam, needle_)) {
            const std::size_t end = *at + needle_.size() - carry_.size();
            carry_.clear();
            return end;
        }
    }
    if (const auto at = position(piece, needle_)) {
        carry_.clear();
        return *at + needle_.size();
    }
    if (piece.size() >= keep)
        carry_.assign(piece.substr(piece.size() - keep));
    else
        carry_.append(piece);
    if (carry_.size() > keep)
        carry_.erase(0, carry_.size() - keep);
    return std::nullopt;
}

PreambleScanner::PreambleScanner(const Token& token) : needle_(preamble(client_magic, token, {})) {}

std::optional<PreambleScanner::Hit> PreambleScanner::feed(std::string_view piece)
{
    // The bytes of a nonce are scanned too: a client may die inside its preamble and the next one's follow directly.
    std::optional<Hit> hit;
    std::size_t at = 0;
    for (;;) {
        const auto end = needle_.find(piece.substr(at));
        const std::size_t limit = end ? at + *end : piece.size();
        if (collecting_) {
            const std::string_view part = piece.substr(at, std::min(nonce_size - nonce_.size(), limit - at));
            nonce_.append(part);
            if (nonce_.size() == nonce_size) {
                hit = Hit{std::move(nonce_), at + part.size()};
                collecting_ = false;
                nonce_.clear();
            }
        }
        if (!end)
            return hit;
        collecting_ = true;
        nonce_.clear();
        at = limit;
    }
}

}  // namespace banger::agent
