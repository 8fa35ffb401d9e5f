// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "core/model/json.hpp"

namespace banger::cli {

/// "runs", "has ended with status 3", "was ended by signal TERM", "was lost when its machine went off".
std::string how_it_is(const json::Value& session);

std::string session_table(const json::Value& list, std::size_t columns);
std::string session_page(const json::Value& session, std::size_t columns);

}  // namespace banger::cli
