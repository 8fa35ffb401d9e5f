// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace banger::dns::testing {

inline std::string u16(unsigned number)
{
    return {static_cast<char>(number >> 8U), static_cast<char>(number)};
}

inline std::string wire_name(std::string_view name)
{
    std::string wire;
    while (!name.empty()) {
        const auto end = name.find('.');
        const auto label = name.substr(0, end);
        wire += static_cast<char>(label.size());
        wire += label;
        name = end == std::string_view::npos ? std::string_view() : name.substr(end + 1);
    }
    return wire + '\0';
}

inline constexpr unsigned type_a = 1;
inline constexpr unsigned type_ns = 2;
inline constexpr unsigned type_soa = 6;
inline constexpr unsigned type_ptr = 12;
inline constexpr unsigned type_txt = 16;
inline constexpr unsigned type_aaaa = 28;
inline constexpr unsigned type_axfr = 252;
inline constexpr unsigned type_any = 255;

inline std::string header(unsigned questions, unsigned additional = 0, unsigned flags = 0x0100)
{
    return u16(0x4242) + u16(flags) + u16(questions) + u16(0) + u16(0) + u16(additional);
}

inline std::string question(std::string_view name, unsigned type, unsigned of_class = 1)
{
    return header(1) + wire_name(name) + u16(type) + u16(of_class);
}

/// An EDNS record (RFC 6891, 6.1.2).
inline std::string edns(unsigned udp_bytes, unsigned version = 0, bool dnssec_ok = false)
{
    return std::string(1, '\0') + u16(41) + u16(udp_bytes) + u16(version) + u16(dnssec_ok ? 0x8000U : 0U) + u16(0);
}

inline std::string question_with_edns(std::string_view name, unsigned type, const std::string& record)
{
    return header(1, 1) + wire_name(name) + u16(type) + u16(1) + record;
}

/// The header of an answer.
struct Header {
    unsigned id = 0;
    bool is_answer = false;
    bool authoritative = false;
    bool truncated = false;
    bool recursion_desired = false;
    bool recursion_available = false;
    unsigned code = 0;
    unsigned questions = 0;
    unsigned answers = 0;
    unsigned authorities = 0;
    unsigned additional = 0;
};

inline Header header_of(std::string_view packet)
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(packet.at(i))); };
    const auto number = [&](std::size_t i) { return at(i) << 8U | at(i + 1); };
    Header header;
    header.id = number(0);
    header.is_answer = (at(2) & 0x80U) != 0;
    header.authoritative = (at(2) & 0x04U) != 0;
    header.truncated = (at(2) & 0x02U) != 0;
    header.recursion_desired = (at(2) & 0x01U) != 0;
    header.recursion_available = (at(3) & 0x80U) != 0;
    header.code = at(3) & 0x0fU;
    header.questions = number(4);
    header.answers = number(6);
    header.authorities = number(8);
    header.additional = number(10);
    return header;
}

}  // namespace banger::dns::testing
