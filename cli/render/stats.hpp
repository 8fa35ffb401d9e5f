// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// What machines take and have (`vm stats`) for people. `columns` is the width of the terminal, 0 for no limit.
namespace banger::cli {

/// A line for each machine in `vms`.
std::string stats_table(const json::Value& sample, std::size_t columns);
/// All about one machine.
std::string stats_page(const json::Value& vm, std::size_t columns);

}  // namespace banger::cli
