// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/model/json.hpp"

/// What a daemon with two machines would say: the same every time, for golden files.
namespace banger::cli::testing {

json::Object status_answer(const std::string& build, const std::string& config, const std::string& home);
json::Object vm_answer(const std::string& name, const std::string& state);

/// The result of a method of docs/rpc.md that has neither descriptors nor notifications.
sdk::Result<json::Object> canned_answer(const std::string& method, const json::Value& params);

}  // namespace banger::cli::testing
