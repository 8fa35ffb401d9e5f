// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apt.hpp"
#include "banger/sdk/result.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::debian {

/// How a kernel is got. In JSON, one of
///     {"suite": "bookworm", "package": "linux-image-cloud-amd64", "pockets": ["security"], "components": ["main"]}
///     {"url": "http://…/linux-image-….deb", "sha256": "<64 hex digits>"}
/// each perhaps with "command_line": words that this kernel wants.
struct KernelRecipe {
    Archive archive;      ///< with `package`
    std::string package;  ///< a kernel image, or the package that depends on the newest one
    std::string url;      ///< or else a package by address
    std::string sha256;   ///< with `url`
    std::string command_line;
};

sdk::Result<KernelRecipe> read_kernel_recipe(const std::string& text);

/// The suite, components and pockets, which images and kernels name alike.
Archive read_archive(plugin_json::ObjectReader& reader);

}  // namespace banger::debian
