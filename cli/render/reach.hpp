// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// `dns status` and `vm ports` for a person; `columns` as in Table::text.
namespace banger::cli {

std::string dns_page(const json::Value& status, std::size_t columns);
std::string ports_page(const json::Value& ports, std::size_t columns);

}  // namespace banger::cli
