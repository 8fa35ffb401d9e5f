// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::forward {

/// Whether the tests have a network of their own, and so may change it; see own_network.cpp.
bool has_own_network();

}  // namespace banger::forward
