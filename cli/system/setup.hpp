// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/result.hpp"
#include "core/model/json.hpp"

/// What `banger system` does on this host, step by step. Each step may be repeated.
namespace banger::cli::setup {

/// `permission` for whoever is not root, `unsupported` on a host that systemd does not run.
[[nodiscard]] sdk::Result<void> check_host();
/// `not_found` if there is no such user, `invalid` for root, who needs no helper.
[[nodiscard]] sdk::Result<void> check_owner(const std::string& owner);

/// Whom the helper on this host serves; none if there is none.
[[nodiscard]] std::optional<std::string> installed_for();

/// Copies of the helper and of the plugins that need root, from where this banger has them, for root alone to change; an
/// empty configuration, unless there is one. `permission` if somebody else could change the place.
[[nodiscard]] sdk::Result<void> copy_files();
[[nodiscard]] sdk::Result<void> remove_files();
/// Settings and what the helper remembers.
[[nodiscard]] sdk::Result<void> remove_state();

[[nodiscard]] sdk::Result<void> write_units(const std::string& owner);
[[nodiscard]] sdk::Result<void> remove_units();

/// systemctl(1). Its error has what that said.
[[nodiscard]] sdk::Result<void> systemctl(const std::vector<std::string>& arguments);
/// Whether it says yes, as `is-active` does.
[[nodiscard]] bool systemd_says(const std::string& question, const std::string& unit);

/// What the helper says of itself, started if need be: rpc::helper::status_method.
[[nodiscard]] sdk::Result<json::Document> ask_status();

}  // namespace banger::cli::setup
