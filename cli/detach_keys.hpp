// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// The keys that leave a session, pressed one after the other. Written as docker's --detach-keys are: keys with commas
/// between them, each a letter or digit or ctrl- with a letter or one of @ [ \ ] ^ _.
class DetachKeys {
public:
    static constexpr std::string_view by_default = "ctrl-p,ctrl-q";

    /// No text: no keys. Errors: invalid.
    static sdk::Result<DetachKeys> parse(std::string_view text);

    /// Takes what was typed, and leaves in it what goes to the guest: the beginning of the keys is held back until more shows
    /// whether it is that. True once they were all pressed.
    bool pressed(std::string& typed);

private:
    std::string keys_;
    std::string held_;
};

}  // namespace banger::cli
