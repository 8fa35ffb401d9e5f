// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// Who answers programs on a host, and can be told whom to ask for one domain.
enum class Resolver { resolved, dnsmasq, networkmanager, unbound, resolv };

std::optional<Resolver> resolver_from_string(std::string_view text);
/// Their names, as resolver_from_string takes them.
std::vector<std::string> resolver_names();

/// Where banger answers for names.
struct NameServer {
    std::string address;
    std::uint16_t port = 0;
    std::string zone;
};

/// What a person does so that this resolver asks the banger of this instance: files with their content, and commands;
/// comments say which.
std::string route_recipe(Resolver resolver, const NameServer& server, const std::string& instance);

/// Has systemd-resolved read its files again.
using ReadAgain = std::function<sdk::Result<void>()>;

/// Writes systemd-resolved's drop-in below `root`, which is "/" but in tests, and has it read. Returns its path. `exists` if there
/// is such a file that banger did not write; `permission` for whoever may not. After an error there is what was there before.
sdk::Result<std::string> install_route(const std::string& root, const std::string& instance, const NameServer& server,
                                       const ReadAgain& read_again);

/// Removes it, and has that read, whose error leaves it removed. Gone already is success, and the path is empty then;
/// `precondition` if banger did not write it.
sdk::Result<std::string> uninstall_route(const std::string& root, const std::string& instance, const ReadAgain& read_again);

}  // namespace banger::cli
