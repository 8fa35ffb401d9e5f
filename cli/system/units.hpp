// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace banger::cli {

/// The helper's systemd.socket(5): it is made by systemd, closed to all but its user, and stays while the helper is started
/// again, so that nobody who asks meanwhile is turned away.
[[nodiscard]] std::string socket_unit(const std::string& owner);
/// Its systemd.service(5), with what device-mapper, loop devices, rtnetlink and nftables need and nothing more
/// (docs/decisions/0020).
[[nodiscard]] std::string service_unit(const std::string& owner);

/// Whom a socket unit of ours is for.
[[nodiscard]] std::optional<std::string> owner_in(std::string_view socket_unit);

}  // namespace banger::cli
