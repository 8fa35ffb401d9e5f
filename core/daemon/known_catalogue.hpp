// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/config/config.hpp"
#include "core/images/catalogue.hpp"
#include "core/plugins/registry.hpp"

namespace banger::daemon {

/// The built-in catalogue, and those that config lists for plugin image-catalog. A site that does not answer in time is as it
/// was when it last did, and never keeps the daemon from starting: what is wrong is logged.
images::Catalogue known_catalogue(plugins::Registry& registry, const config::Config& config);

}  // namespace banger::daemon
