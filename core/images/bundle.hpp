// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"
#include "core/images/image_store.hpp"

namespace banger::images {

/// A bundle that was written: one file with an image in it, and how a catalogue names it.
struct Bundle {
    std::string name;    ///< the entry's
    std::string file;    ///< in the directory: NAME-DIGEST.tar.zst
    std::string digest;  ///< sha256:…
    std::uint64_t bytes = 0;
    std::string entry;   ///< of a catalogue, JSON: its source is the bundle, beside the catalogue
};

/// Writes an image into a file that goes by its digest, in a directory that is there: a tar archive (pax, holes as such),
/// compressed with zstd, of manifest.json and both layers. The file appears by one rename. The same image gives the same file.
/// `name` is_catalogue_name. Errors: those of reading and writing; cancelled.
sdk::Result<Bundle> write_bundle(const Image& image, const std::string& name, const std::string& directory, sdk::Call& call);

/// Adds the bundle to `catalogue.json` in its directory, which is made if it is not there, in place of an entry of its name.
/// One after the other, in whichever process (.catalogue.lock beside it). A signature of what it was before is another's from
/// then on, and is removed. Errors: corrupt for a file that is none; cancelled.
sdk::Result<void> add_to_catalogue(const Bundle& bundle, const std::string& directory, const sdk::Call& call);

/// Makes the directory, an absolute path, and its parents for everybody to read, whatever our umask. There already is
/// success, and stays as it is.
sdk::Result<void> make_published_directory(const std::string& path);

}  // namespace banger::images
