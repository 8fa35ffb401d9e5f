// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/json_text.hpp"

namespace banger::sdk {
namespace {

// Those with a letter of their own in RFC 8259; 0: none.
char letter_of(char byte)
{
    switch (byte) {
        case '"': return '"';
        case '\\': return '\\';
        case '\b': return 'b';
        case '\f': return 'f';
        case '\n': return 'n';
        case '\r': return 'r';
        case '\t': return 't';
        default: return 0;
    }
}

}  // namespace

std::string json_string(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string quoted = "\"";
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        if (const char letter = letter_of(byte); letter != 0)
            quoted.append({'\\', letter});
        else if (value < 0x20)
            quoted.append("\\u00").append({digits[value >> 4U], digits[value & 15U]});
        else
            quoted += byte;
    }
    return quoted + '"';
}

JsonObject& JsonObject::json(std::string_view key, std::string_view value)
{
    members_.append(members_.empty() ? "" : ",").append(json_string(key)).append(":").append(value);
    return *this;
}

}  // namespace banger::sdk
