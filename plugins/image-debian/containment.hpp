// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::debian {

/// A program that is run as root of namespaces of its own: mounts and processes, and users where we are not root.
///
/// Ordinary users become root there and have their range of /etc/subuid below it (user_namespaces(7), subuid(5)).
/// Nothing in it outlives the call, nor this process if that is killed: the first process of the namespace watches a
/// pipe that we hold, and ends all others when it closes; its own end takes mounts and processes with it
/// (pid_namespaces(7)).
struct Contained {
    std::vector<std::string> argv;
    std::vector<std::pair<std::string, std::string>> environment;  ///< all of it; nothing is inherited
    std::string directory;                                         ///< working directory
    std::string scratch;         ///< a directory the program fills; emptied at the end
    std::string scratch_memory;  ///< if not empty, `scratch` is memory of at most this size (tmpfs(5), size=)
    int output = -1;             ///< its standard output
};

/// Runs it to its end and hands on each line of its standard error. Its exit status (128 + n for a signal). `cancelled`
/// once all its processes are gone and `scratch` is empty.
sdk::Result<int> run_contained(const Contained& contained, sdk::Call& call,
                               const std::function<void(std::string_view)>& on_line);

/// Whether that can work here. `permission` or `not_found`, with a hint, if not.
sdk::Result<void> check_containment(sdk::Call& call);

}  // namespace banger::debian
