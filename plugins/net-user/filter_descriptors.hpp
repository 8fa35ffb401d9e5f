// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

/// The descriptors that banger-net-filter is started with.
namespace banger::user::filter_descriptor {

inline constexpr int listener = 3;  ///< the socket that the VMM connects to, listening
inline constexpr int passt = 4;     ///< connected to passt
inline constexpr int ready = 5;     ///< written once: "+" when it serves, else why it cannot
inline constexpr int counters = 6;  ///< listening: whoever connects is told what passed (traffic.hpp)

}  // namespace banger::user::filter_descriptor
