// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"

namespace banger::debian {

/// Follows what `mmdebstrap --verbose` prints and turns it into progress: its own "I: …" lines name the stage, the
/// lines of apt and dpkg in between count packages.
class BuildOutput {
public:
    /// Takes one line; progress if the line means some.
    std::optional<sdk::Progress> line(std::string_view text);

    [[nodiscard]] std::uint64_t packages() const { return expected_; }  ///< as apt announced them
    /// The end of what was printed, for an error.
    [[nodiscard]] const std::string& tail() const { return tail_; }

private:
    std::optional<sdk::Progress> stage(std::string_view text);
    std::optional<sdk::Progress> count(std::string_view text);

    bool downloading_ = false;
    std::uint64_t expected_ = 0;
    std::uint64_t downloaded_ = 0;
    std::uint64_t installed_ = 0;
    std::string tail_;
};

}  // namespace banger::debian
