// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "core/plugins/guard.hpp"

namespace banger::plugins {

/// The provider behind its guard: an object of the same interface, so that callers never know. `plugin` if the object
/// is not what `kind` names; `unsupported` for a kind that this banger does not know.
///
/// Lifetime: the real provider is destroyed, through the guard, with the result, but not before
/// the last call into it that was written off has ended.
[[nodiscard]] sdk::Result<std::unique_ptr<sdk::Provider>> guarded(std::string_view kind,
                                                                  std::shared_ptr<sdk::Provider> provider, Guard guard);

}  // namespace banger::plugins
