// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/images/catalogue.hpp"
#include "core/model/json.hpp"

namespace banger::images {

/// JSON text that is equal for equal values: members in order of their keys, no spaces.
std::string canonical_json(const json::Value& value);

/// What a pulled thing is called: 16 lower-case hex digits of the SHA-256 (FIPS 180-4) of the kind ("image", "kernel"),
/// the version of banger's own import, the source's name and the recipe. A changed recipe is another thing; a changed
/// name or description is not.
std::string recipe_id(std::string_view kind, const CatalogueEntry& entry);
bool is_recipe_id(std::string_view text);

/// A UUID (RFC 9562, version 8) that depends on the id and the role ("root", "work", "modules") only, so that the same
/// stream always makes the same bytes.
std::array<std::uint8_t, 16> derived_uuid(const std::string& id, std::string_view role);

}  // namespace banger::images
