// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "banger/sdk/dns.hpp"
#include "config.hpp"

namespace banger::dns {

/// dns/0 that answers on a port of this host. The error of opening it if there is none; a port that is not the one that was
/// asked for is said in the log and by `probe`, whose facts are address, port, wanted_port and zone.
sdk::Result<std::unique_ptr<sdk::Dns>> make_names(sdk::Host& host, const Config& config);

}  // namespace banger::dns
