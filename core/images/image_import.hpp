// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/image_source.hpp"
#include "core/images/catalogue.hpp"
#include "core/images/linked_call.hpp"
#include "core/images/tar_import.hpp"

namespace banger::images {

inline constexpr const char* root_layer = "root.ext4";
inline constexpr const char* work_layer = "work.ext4";
// As a source that finishes them itself, and a bundle, name them (sdk::ImageStream).
inline constexpr const char* finished_root = "rootfs.ext4";
inline constexpr const char* finished_work = "work.ext4";

/// How the file system of an image's layer is made; `role` is root or work. It may get as long as ext4 is prepared to grow here.
Ext4Options layer_options(const std::string& id, const std::string& role);

/// Has the source stream the image, and turns the stream into the two layers in `directory`, synced and read-only,
/// with no copy in between; or takes the layers that it finished itself. What the image and the source tell about it comes back.
///
/// Of two failures that follow from each other the first is reported: a mirror's, and not the cut archive behind it; a
/// full disk's, and not that the source lost its listener. On error files may be left in the directory.
sdk::Result<sdk::Fields> import_image(const CatalogueEntry& entry, const std::string& id, sdk::ImageSource& source,
                                      const std::string& directory, const ImportLimits& limits, LinkedCall& call);

}  // namespace banger::images
