// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::images {

/// A way to make something.
struct SourceChoice {
    std::string source;  ///< name of the image or kernel source that understands the recipe
    std::string recipe;  ///< JSON text
};

/// One thing that can be pulled by name.
struct CatalogueEntry {
    std::string name;
    std::string description;
    std::string source;  ///< the preferred one
    std::string recipe;  ///< JSON text
    std::string identity = {};  ///< what the recipe makes, whoever gives it and under whatever name; empty: the recipe says it
    std::string kernel;  ///< images only: the kernel they boot with unless told otherwise
    bool is_default = false;
    std::vector<SourceChoice> others = {};  ///< where that one cannot give it, in this order
};

/// Whether this may be the name of an entry: one word of a-z, 0-9, '-' and '.', and no id.
bool is_catalogue_name(const std::string& name);

/// The names banger knows without being told: embedded, versioned JSON (core/images/catalogue.json).
class Catalogue {
public:
    /// The one built into this program.
    static const Catalogue& built_in();
    /// `corrupt` or `invalid` with the entry's name if the text is no catalogue.
    static sdk::Result<Catalogue> parse(const std::string& text);
    /// Adds those of another, in the same format without a default. What has a name that is taken, or is wrong, is left out;
    /// why, for each. `corrupt` or `invalid` if the text as a whole is none.
    sdk::Result<std::vector<std::string>> add(const std::string& text);

    [[nodiscard]] int version() const { return version_; }
    [[nodiscard]] const std::vector<CatalogueEntry>& images() const { return images_; }
    [[nodiscard]] const std::vector<CatalogueEntry>& kernels() const { return kernels_; }
    /// `not_found` with the nearest name.
    [[nodiscard]] sdk::Result<CatalogueEntry> image(const std::string& name) const;
    [[nodiscard]] sdk::Result<CatalogueEntry> kernel(const std::string& name) const;
    [[nodiscard]] std::string default_image() const;
    [[nodiscard]] std::string default_kernel() const;

private:
    int version_ = 0;
    std::vector<CatalogueEntry> images_;
    std::vector<CatalogueEntry> kernels_;
};

}  // namespace banger::images
