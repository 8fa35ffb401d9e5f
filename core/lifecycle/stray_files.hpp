// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Files in the instance's directories that no living part of banger answers for. Paths, sorted by place.
struct StrayFiles {
    std::vector<std::string> unfinished;  ///< half made by somebody who died
    std::vector<std::string> unknown;     ///< not of banger's making
};

/// Looks at names only, and not into the directories of VMs on which somebody works.
/// What providers keep inside a VM's directory is theirs, and goes with it.
StrayFiles stray_files(Engine& engine);

/// Removes, of what a daemon that died left half made, what can hold nobody's data: notes and cached files. For a
/// daemon that begins, before it works on any VM.
void sweep_unfinished(Engine& engine);

}  // namespace banger::lifecycle
