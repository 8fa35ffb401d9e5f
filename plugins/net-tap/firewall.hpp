// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tap {

/// Carries out commands of nft(8), all or none of them (libnftables). Threads: any.
sdk::Result<void> run_nft(const std::string& commands);

}  // namespace banger::tap
