// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/nearest.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace banger::base {
namespace {

bool same(char a, char b)
{
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

bool starts_with(std::string_view text, std::string_view beginning)
{
    return text.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), text.begin(), same);
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b)
{
    // Three rows of the table are enough: a swap looks back two.
    std::array<std::vector<std::size_t>, 3> rows;
    for (auto& row : rows)
        row.resize(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        rows[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto& row = rows[i % 3];
        const auto& above = rows[(i + 2) % 3];
        const auto& two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                row[j] = std::min(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a.size() % 3][b.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known)
{
    if (word.empty() || word.size() > 256)
        return std::nullopt;
    std::optional<std::string> best;
    std::size_t least = 0;
    for (const auto& candidate : known) {
        std::size_t distance = edit_distance(word, candidate);
        const std::size_t longer = std::max(word.size(), candidate.size());
        const bool begins = word.size() >= 3 && (starts_with(candidate, word) || starts_with(word, candidate));
        if (distance > std::max<std::size_t>(1, longer / 3) && !begins)
            continue;
        if (distance == longer)
            continue;  // nothing in common
        if (!best || distance < least) {
            best = candidate;
            least = distance;
        }
    }
    return best;
}

std::string suggestion(std::string_view word, std::span<const std::string> known)
{
    if (const auto near = nearest(word, known))
        return "did you mean '" + *near + "'?";
    std::string list;
    for (const auto& candidate : known)
        list += (list.empty() ? "known: " : ", ") + candidate;
    return list;
}

}  // namespace banger::base
