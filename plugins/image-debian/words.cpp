// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "words.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace banger::debian {
namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits = "0123456789";

bool made_of(std::string_view text, std::initializer_list<std::string_view> allowed)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char letter) {
        return std::any_of(allowed.begin(), allowed.end(),
                           [&](std::string_view set) { return set.find(letter) != std::string_view::npos; });
    });
}

}  // namespace

bool is_package_name(const std::string& text)
{
    return text.size() > 1 && made_of(text, {lower, digits, "+-."}) && made_of(text.substr(0, 1), {lower, digits});
}

bool is_suite_name(const std::string& text)
{
    return made_of(text, {lower, upper, digits, "-._"}) && made_of(text.substr(0, 1), {lower, upper, digits});
}

bool is_unit_name(const std::string& text)
{
    return made_of(text, {lower, upper, digits, ":_.@-\\"}) && text != "." && text != "..";
}

bool is_absolute_path(const std::string& text)
{
    if (text.size() < 2 || text.front() != '/')
        return false;
    if (std::any_of(text.begin(), text.end(), [](char letter) { return static_cast<unsigned char>(letter) < 32; }))
        return false;
    for (std::size_t at = 1; at <= text.size();) {
        const auto end = std::min(text.find('/', at), text.size());
        const auto part = text.substr(at, end - at);
        if (part.empty() || part == "." || part == "..")
            return false;
        at = end + 1;
    }
    return true;
}

}  // namespace banger::debian
