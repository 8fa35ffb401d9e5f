// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/ids.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/base/words.hpp"

namespace banger::base {
namespace {

constexpr std::size_t longest_label = 63;

void fill_random(std::span<unsigned char> bytes)
{
    while (!bytes.empty()) {
        const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            std::abort();  // a kernel without random numbers: no id would be unique
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
}

std::uint32_t random_below(std::uint32_t limit)
{
    std::array<unsigned char, 4> bytes{};
    fill_random(bytes);
    std::uint32_t value = 0;
    for (const unsigned char byte : bytes)
        value = value << 8U | byte;
    return value % limit;  // the bias is some 1e-7 for lists of hundreds
}

bool is_label_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// The name as it could have been meant; empty if nothing is left of it.
std::string mended(std::string_view name)
{
    std::string label;
    for (const char c : name) {
        const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        label += is_label_character(lower) ? lower : '-';
    }
    label = label.substr(0, longest_label);
    const auto first = label.find_first_not_of('-');
    if (first == std::string::npos)
        return {};
    label = label.substr(first, label.find_last_not_of('-') - first + 1);
    const bool only_digits = label.find_first_not_of("0123456789") == std::string::npos;
    return only_digits || is_vm_id(label) ? "vm-" + label.substr(0, longest_label - 3) : label;
}

// Control characters would break the line and the terminal that show the error.
std::string shown(std::string_view name)
{
    std::string text;
    for (const char c : name.substr(0, 80))
        text += std::iscntrl(static_cast<unsigned char>(c)) != 0 ? '?' : c;
    return "'" + text + (name.size() > 80 ? "...'" : "'");
}

}  // namespace

std::string random_hex(std::size_t bytes)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::vector<unsigned char> random(bytes);
    fill_random(random);
    std::string text;
    for (const unsigned char byte : random) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string new_instance_id()
{
    return random_hex(4);
}

std::string new_vm_id()
{
    return random_hex(6);
}

bool is_vm_id(std::string_view text)
{
    constexpr std::size_t digits = 12;
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string new_vm_name(const std::function<bool(const std::string&)>& taken)
{
    constexpr int plain_tries = 50;
    const auto draw = [] {
        return std::string(adjectives[random_below(adjectives.size())]) + "-" +
               std::string(animals[random_below(animals.size())]);
    };
    for (int i = 0; i < plain_tries; ++i)
        if (auto name = draw(); !taken(name))
            return name;
    for (;;)
        if (auto name = draw() + "-" + random_hex(3); !taken(name))
            return name;
}

sdk::Result<void> check_vm_name(std::string_view name)
{
    const auto bad = [&](const std::string& rule) {
        const auto better = mended(name);
        return sdk::make_error(sdk::Code::invalid, shown(name) + " cannot name a vm: " + rule,
                               better.empty() ? "such as 'sandbox' or 'web-1'" : "such as '" + better + "'");
    };
    if (name.empty())
        return sdk::make_error(sdk::Code::invalid, "a vm's name cannot be empty", "such as 'sandbox' or 'web-1'");
    if (name.size() > longest_label)
        return bad("it has " + std::to_string(name.size()) + " characters and may have 63");
    if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return std::isupper(c) != 0; }))
        return bad("letters must be lower case");
    if (!std::all_of(name.begin(), name.end(), is_label_character))
        return bad("it may only have the letters a-z, digits and '-'");
    if (name.front() == '-' || name.back() == '-')
        return bad("it must start and end with a letter or digit");
    if (name.find_first_not_of("0123456789") == std::string_view::npos)
        return bad("digits alone look like an address");
    if (is_vm_id(name))
        return bad("twelve hexadecimal digits are a vm's id");
    return {};
}

}  // namespace banger::base
