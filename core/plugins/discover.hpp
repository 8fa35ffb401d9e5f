// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"
#include "core/plugins/sidecar.hpp"

namespace banger::plugins {

/// One library in a plugin directory, or what is left of one, identified without running any of it.
struct Found {
    std::string path;  ///< of the library, absolute and free of symlinks
    std::string sidecar_path;
    std::optional<Sidecar> sidecar;     ///< if it could be read
    std::optional<sdk::Error> problem;  ///< why it must not be loaded
};

/// The directories to look in: the given ones, then those of BANGER_PLUGIN_PATH (separated by colons).
[[nodiscard]] std::vector<std::string> search_path(std::vector<std::string> fixed);

/// Every plugin in the directories, in their order and then by name. A directory that does not exist holds none; one
/// that cannot be trusted is itself a Found with a problem, and so is a sidecar without a library.
///
/// Refused: directories and files that others could change (writable by a group other than the user's own, or by
/// everybody) and, when we are root, that somebody other than root owns, together with every directory above them;
/// a library without a sidecar or without its mark; another interface version or fingerprint than ours; an id or a
/// provider that was found before.
[[nodiscard]] std::vector<Found> discover(std::span<const std::string> directories);

/// Whether nobody but us, or nobody but root where we are root, can change this file, nor the directories above it.
/// `permission` says who could.
[[nodiscard]] sdk::Result<void> check_trusted(const std::string& path);

}  // namespace banger::plugins
