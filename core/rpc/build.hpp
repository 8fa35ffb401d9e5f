// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace banger::rpc {

/// The release, such as "0.1.0".
std::string_view version();

/// The same in all programs of one build and another after any change of the sources: the version and a digest of them.
/// A client that meets a daemon of another build replaces it.
std::string_view build_id();

}  // namespace banger::rpc
