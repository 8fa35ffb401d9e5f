// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {

/// Turns what was asked for into what the VM is to be: name, sizes, image, kernel, providers. Makes nothing; refuses
/// everything that can be refused before something is made.
sdk::Result<model::VmRecord> resolve(Engine& engine, const model::VmSpec& spec, Operation& operation);

}  // namespace banger::lifecycle
