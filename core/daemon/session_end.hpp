// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "core/daemon/service.hpp"

namespace banger::daemon {

/// Has a VM deleted whose life ended with its session, unless it is to stay by now; it is not waited for. Nobody asks again: while
/// somebody else has the VM for longer than `patience`, such as a slow teardown, this goes behind others and tries again.
/// Threads: any.
void delete_for_session(Service& service, const std::string& vm,
                        std::chrono::milliseconds patience = lifecycle::patience_for_lock);

}  // namespace banger::daemon
