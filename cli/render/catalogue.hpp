// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// Images and kernels for people. `columns` is the width of the terminal, 0 for no limit.
namespace banger::cli {

std::string image_table(const json::Value& list, std::size_t columns);
std::string kernel_table(const json::Value& list, std::size_t columns);
/// Images that may go (image.prune in docs/rpc.md), and what that frees.
std::string spare_table(const json::Value& list, std::size_t columns);
/// One image or kernel: they have the same members, and a kernel its version.
std::string catalogue_page(const json::Value& entry, std::size_t columns);

}  // namespace banger::cli
