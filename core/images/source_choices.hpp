// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "core/images/catalogue.hpp"
#include "core/images/linked_call.hpp"

namespace banger::images {

/// Makes the entry by the first of its sources that can, in its order of preference: `make` gets the entry with one source,
/// and a call of its own, which it may cancel.
/// A source that cannot give it is a warning of the call while there is another, and what it left in `staging` is removed
/// before the next is tried. Errors: of the last; cancelled.
sdk::Result<void> make_by_choices(const CatalogueEntry& entry, const std::string& staging, LinkedCall& call,
                                  const std::function<sdk::Result<void>(const CatalogueEntry&, LinkedCall&)>& make);

}  // namespace banger::images
