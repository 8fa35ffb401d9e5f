// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/catalogue.hpp"

namespace banger::cli {

std::string noun_of(Catalogue of)
{
    return of == Catalogue::images ? "image" : "kernel";
}

}  // namespace banger::cli
