// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/context.hpp"

namespace banger::cli {

/// So many calls of one command are under way at a time: a host has no more to give, and its daemon no more workers.
inline constexpr std::size_t most_vms_at_a_time = 8;

/// What a verb is called with for one VM, and what it says to a person about the answer.
struct EachVm {
    std::string method;
    std::function<void(json::Object& params)> add_params;             ///< besides "vm"; may be empty
    std::function<std::string(const json::Value& answer)> say;        ///< behind the VM's name, such as "is stopped"
    std::function<bool(const json::Value& answer)> is_fine;           ///< empty: every answer is
};

/// Calls a method for each VM, several at a time, and prints the answers in the order given: as JSON, or as a line for a
/// person. One that fails is reported in its place and stops no other; the exit is `failed` then, and also if an answer is
/// not fine. `cancelled`, naming those that were not done, if Ctrl-C called them off.
sdk::Result<Exit> for_each_vm(Context& context, const std::vector<std::string>& vms, const EachVm& each);

/// The same words whatever the answer.
std::function<std::string(const json::Value& answer)> always(std::string words);

}  // namespace banger::cli
