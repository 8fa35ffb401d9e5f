// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "answer.hpp"

namespace banger::dns {

/// What answer() gives, kept for whoever asks the same: programs do, and packing and unpacking is most of an answer's cost.
/// One that is kept costs a look-up and no memory. Nothing is kept over a change of the zone. For one thread.
class KeptAnswers {
public:
    /// `zone` outlives this.
    explicit KeptAnswers(const Zone& zone) : zone_(zone) {}

    /// What it returns is there until the next call.
    [[nodiscard]] std::string_view answer(std::string_view packet, Transport transport);

private:
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    /// By all of a question but its id.
    using ByQuestion = std::unordered_map<std::string, std::string, Hash, std::equal_to<>>;

    const Zone& zone_;
    std::uint32_t serial_ = 0;
    std::array<ByQuestion, 2> kept_;  ///< of each transport
    std::string last_;                ///< one that is not kept
};

}  // namespace banger::dns
