// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/jail.hpp"
#include "core/plugins/registry.hpp"
#include "core/privd/arguments.hpp"
#include "core/units/scopes.hpp"

namespace banger::privd {

/// Makes providers of which the helper has the real ones: the same interface, and each call is a request on a connection
/// of its own.
///
/// Threads: any. Crashes: one of the helper's fails what is under way with `unavailable`; but what can be repeated is asked
/// once more, for the helper is started again. Without a helper probe says how to have one, and all else is `unavailable`.
[[nodiscard]] plugins::StandIn stand_in(std::string socket, Installation installation);

/// The helper's jails in the same way. Its start is never made twice.
[[nodiscard]] std::unique_ptr<sdk::Jails> jails(std::string socket, Installation installation);

/// Scopes by the helper; their start is never asked for twice. One of an earlier banger, which makes none, is told from others
/// by its probe and then not asked any more: `unsupported`.
[[nodiscard]] std::unique_ptr<units::Scopes> scopes(std::string socket, Installation installation);

}  // namespace banger::privd
