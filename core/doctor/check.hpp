// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"

namespace banger::doctor {

enum class Status { ok, warning, failed };

/// What one check found, as a person will read it.
struct Finding {
    std::string name;     ///< a word or two, such as "vmm" or "disk space"
    Status status = Status::ok;
    std::string message;  ///< one sentence
    std::string hint;     ///< what to do, unless ok
};

std::string_view to_string(Status status);

/// One check, in a file of its name; bounded in time, changes nothing.
using Check = std::vector<Finding> (*)(lifecycle::Engine& engine, lifecycle::Operation& operation);

std::vector<Finding> check_providers(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_plugins(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_ssh_key(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_database(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_disk_space(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_programs(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_control_group(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_sizes(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_teardowns(lifecycle::Engine& engine, lifecycle::Operation& operation);
std::vector<Finding> check_names(lifecycle::Engine& engine, lifecycle::Operation& operation);

/// All of them, in the order in which they are shown.
std::vector<Finding> run_all(lifecycle::Engine& engine, lifecycle::Operation& operation);

}  // namespace banger::doctor
