// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/replayed_queries.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace banger::cli {
namespace {

constexpr char escape = '\x1b';
constexpr char bell = '\x07';

struct Sequence {
    std::size_t length = 0;
    bool whole = true;
    bool answer = false;
};

/// ECMA-48, section 5.4: parameters and intermediate bytes, then a final one. Which of them terminals answer with: "XTerm Control
/// Sequences", Functions using CSI. Keys end in others.
Sequence control_sequence(std::string_view bytes)
{
    std::size_t at = 2;
    while (at < bytes.size() && bytes[at] >= 0x20 && bytes[at] <= 0x3f)
        ++at;
    if (at == bytes.size())
        return {at, false, true};
    const bool is_private = bytes[2] == '?';
    const bool answer =
        std::string_view("Rcntxy").find(bytes[at]) != std::string_view::npos || (is_private && bytes[at] == 'u');
    return {at + 1, true, answer && at > 2};
}

/// ECMA-48, section 5.6: up to ESC \, or the BEL that xterm takes as well.
Sequence control_string(std::string_view bytes)
{
    for (std::size_t at = 2; at < bytes.size(); ++at) {
        if (bytes[at] == bell)
            return {at + 1, true, true};
        if (bytes[at] == escape && at + 1 < bytes.size() && bytes[at + 1] == '\\')
            return {at + 2, true, true};
    }
    return {bytes.size(), false, true};
}

/// What begins with an escape. With nothing behind it, it and Alt with a bracket are keys.
Sequence sequence_at(std::string_view bytes)
{
    if (bytes.size() > 2 && bytes[1] == '[')
        return control_sequence(bytes);
    if (bytes.size() > 2 && (bytes[1] == ']' || bytes[1] == 'P'))
        return control_string(bytes);
    return {1, true, false};
}

}  // namespace

void ReplayedQueries::shown(std::uint64_t bytes)
{
    if (old_ == 0)
        return;
    old_ -= std::min(old_, bytes);
    until_ = now_() + patience;
}

void ReplayedQueries::drop_answers(std::string& typed)
{
    typed.insert(0, std::exchange(held_, {}));
    if (over())
        return;
    std::string keys;
    for (std::string_view rest = typed; !rest.empty();) {
        const auto sequence = rest.front() == escape ? sequence_at(rest) : Sequence{1};
        if (!sequence.whole) {
            held_ = rest;
            break;
        }
        if (!sequence.answer)
            keys.append(rest.substr(0, sequence.length));
        rest.remove_prefix(sequence.length);
    }
    typed = std::move(keys);
}

}  // namespace banger::cli
