// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "image_recipe.hpp"

namespace banger::debian {

/// Writes a tar archive of what a customisation adds, owned by root, all of the same time, in the order of the paths.
/// The same input gives the same bytes. Removals go into it too, as lists for the hook of mmdebstrap_hooks.
sdk::Result<void> write_overlay(const Customization& customize, std::chrono::sys_seconds time, const std::string& path);

/// The arguments that make mmdebstrap apply an overlay, called `name` in its working directory. They are the same for
/// every recipe but for whether there is something to remove: names from recipes are data in the archive, never words
/// of a command.
std::vector<std::string> mmdebstrap_hooks(const Customization& customize, const std::string& name);

}  // namespace banger::debian
