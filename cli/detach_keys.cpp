// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/detach_keys.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "cli/text.hpp"

namespace banger::cli {
namespace {

/// The byte that a terminal sends for a key.
std::optional<char> byte_of(std::string_view key)
{
    constexpr std::string_view control = "ctrl-";
    constexpr unsigned char control_bits = 0x1F;
    if (key.size() == 1 && std::isalnum(static_cast<unsigned char>(key[0])) != 0)
        return key[0];
    if (key.size() != control.size() + 1 || !key.starts_with(control))
        return std::nullopt;
    const char letter = static_cast<char>(std::toupper(static_cast<unsigned char>(key.back())));
    if (letter < '@' || letter > '_')
        return std::nullopt;
    return static_cast<char>(static_cast<unsigned char>(letter) & control_bits);
}

}  // namespace

sdk::Result<DetachKeys> DetachKeys::parse(std::string_view text)
{
    DetachKeys keys;
    for (std::size_t at = 0; !text.empty() && at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        const auto key = text.substr(at, end - at);
        const auto byte = byte_of(key);
        if (!byte)
            return sdk::make_error(sdk::Code::invalid, "--detach-keys cannot be " + quoted(text) + ": " + quoted(key) +
                                                           " is no key",
                                   "write keys such as --detach-keys " + std::string(by_default));
        keys.keys_.push_back(*byte);
        at = end + 1;
    }
    return keys;
}

bool DetachKeys::pressed(std::string& typed)
{
    if (keys_.empty())
        return false;
    std::string passed;
    for (const char byte : typed) {
        held_.push_back(byte);
        while (!keys_.starts_with(held_)) {
            passed.push_back(held_.front());
            held_.erase(0, 1);
        }
        if (held_ == keys_) {
            typed = std::move(passed);
            held_.clear();
            return true;
        }
    }
    typed = std::move(passed);
    return false;
}

}  // namespace banger::cli
