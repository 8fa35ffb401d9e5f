// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "banger/sdk/host.hpp"
#include "core/images/image_store.hpp"
#include "core/images/kernel_store.hpp"

namespace banger::images {

/// A bundle that was written: one file with an image or a kernel in it, and how a catalogue names it.
struct Bundle {
    std::string name;    ///< the entry's
    std::string file;    ///< in the directory: NAME-DIGEST.tar.zst
    std::string digest;  ///< sha256:…
    std::uint64_t bytes = 0;
    std::string entry;   ///< of a catalogue, JSON: its source is the bundle, beside the catalogue
    std::string list = "images";  ///< the catalogue's list that has such entries, or "kernels"
};

/// Writes an image into a file that goes by its digest, in a directory that is there (bundle_writer.hpp): manifest.json and
/// both layers. `name` is_catalogue_name. Errors: those of reading and writing; cancelled.
sdk::Result<Bundle> write_bundle(const Image& image, const std::string& name, const std::string& directory, sdk::Call& call);

/// Writes a kernel in the same way: manifest.json, config, vmlinux, and if it has modules modules.ext4 and, below
/// modules/RELEASE/, those that an initramfs may need. Errors: also unsupported for a kernel whose configuration nobody
/// knows, since nobody could tell what it lacks.
sdk::Result<Bundle> write_bundle(const Kernel& kernel, const std::string& name, const std::string& directory, sdk::Call& call);

enum class BundleOf { image, kernel };

/// What the file at a path is a bundle of, by its beginning; nothing if it is something else. It may still be damaged.
std::optional<BundleOf> bundle_in(const std::string& path);

/// The recipe by which source "catalog" takes a bundle that is a file here, and what it is known by: its digest, whatever
/// it is called. Errors: corrupt for a file whose name ends with another digest than it has; cancelled; those of reading.
struct BundleRecipe {
    std::string recipe;    ///< JSON text
    std::string identity;  ///< sha256:…
};
sdk::Result<BundleRecipe> recipe_of_bundle(const std::string& path, const sdk::Call& call);

}  // namespace banger::images
