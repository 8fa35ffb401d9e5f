// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::sdk::os {

/// Whether /proc/cpuinfo (x86) lists hardware virtualisation, vmx or svm, among the first processor's flags. A /dev/kvm
/// without it is there in nested and container hosts, and never runs a guest.
bool processor_has_virtualisation();

}  // namespace banger::sdk::os
