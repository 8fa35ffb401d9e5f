// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// The daemon's answers (docs/rpc.md) for people. `columns` is the width of the terminal, 0 for no limit.
namespace banger::cli {

std::string vm_table(const json::Value& list, std::size_t columns);
std::string vm_page(const json::Value& vm, std::size_t columns);
/// Stopped machines, and when they were started last.
std::string prune_table(const json::Value& list, std::size_t columns);
std::string recovery_page(const json::Value& result, std::size_t columns);

}  // namespace banger::cli
