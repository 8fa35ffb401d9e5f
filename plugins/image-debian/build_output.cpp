// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "build_output.hpp"

#include <array>
#include <charconv>

namespace banger::debian {
namespace {

constexpr std::size_t tail_bytes = 16U << 10U;

struct Stage {
    std::string_view line;  ///< how mmdebstrap announces it
    const char* name;
};
constexpr std::array stages{
    Stage{"I: running apt-get update", "read package lists"},
    Stage{"I: downloading packages with apt", "download packages"},
    Stage{"I: extracting archives", "unpack the base system"},
    Stage{"I: installing essential packages", "install packages"},
    Stage{"I: installing remaining packages", "install packages"},
    Stage{"I: cleaning package lists", "clean up"},
    Stage{"I: creating tarball", "write the image"},
};

// The number in "0 upgraded, 69 newly installed, …".
std::uint64_t newly_installed(std::string_view text)
{
    const auto comma = text.find(", ");
    std::uint64_t number = 0;
    if (comma != std::string_view::npos)
        std::from_chars(text.data() + comma + 2, text.data() + text.size(), number);
    return number;
}

}  // namespace

std::optional<sdk::Progress> BuildOutput::line(std::string_view text)
{
    tail_.append(text).push_back('\n');
    if (tail_.size() > 2 * tail_bytes)
        tail_.erase(0, tail_.size() - tail_bytes);
    return text.starts_with("I: ") ? stage(text) : count(text);
}

std::optional<sdk::Progress> BuildOutput::stage(std::string_view text)
{
    for (const auto& known : stages)
        if (text.starts_with(known.line)) {
            downloading_ = downloading_ || text.starts_with(stages[1].line);
            const bool counted = known.name == std::string_view("install packages");
            return sdk::Progress{known.name, counted ? installed_ : 0, counted ? expected_ : 0,
                                 counted ? "packages" : ""};
        }
    return std::nullopt;
}

std::optional<sdk::Progress> BuildOutput::count(std::string_view text)
{
    if (text.find(" newly installed, ") != std::string_view::npos) {
        expected_ += newly_installed(text);
        return std::nullopt;
    }
    // Before, "Get:" lines are package lists.
    if (downloading_ && text.starts_with("Get:"))
        return sdk::Progress{"download packages", ++downloaded_, expected_, "packages"};
    if (text.starts_with("Setting up "))
        return sdk::Progress{"install packages", ++installed_, expected_, "packages"};
    return std::nullopt;
}

}  // namespace banger::debian
