// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/arguments.hpp"
#include "core/model/vm.hpp"

namespace banger::cli {

/// The options that say what a VM is to be: of `vm run` and `vm create`.
std::vector<Option> spec_options();

/// A spec from them. Only what was given is set: defaults are the daemon's to know. `invalid` for what no machine could
/// be, or this host could not carry.
sdk::Result<model::VmSpec> parse_spec(const Arguments& arguments);

Option environment_option();
/// --env K=V, or --env K for the caller's own value. `invalid` for a name that no variable can have, or that is not
/// set.
sdk::Result<std::map<std::string, std::string>> parse_environment(const Arguments& arguments);

/// The operand as the name, id or beginning of an id of a VM; the daemon knows which there are.
/// One name or id of a VM, such as none of whose characters can drive a terminal.
sdk::Result<std::string> parse_vm(const std::string& word);
sdk::Result<std::vector<std::string>> parse_vms(const Arguments& arguments);

}  // namespace banger::cli
