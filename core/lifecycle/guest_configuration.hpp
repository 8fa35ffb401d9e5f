// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/vmm.hpp"
#include "core/images/image_store.hpp"
#include "core/lifecycle/engine.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::lifecycle {

/// One writable disk of a VM as storage is asked for it.
sdk::DiskSpec disk_spec(const Engine& engine, const model::VmRecord& vm, const images::Image& image,
                        const std::string& role);

/// Who the guest is to be: what the agent applies before the guest's init starts.
sdk::Result<agent::Configuration> guest_configuration(Engine& engine, const model::VmRecord& vm,
                                                      const sdk::BootSpec& boot);

/// What the guest said of itself, kept beside its disks (`guest.json`) for other verbs and the next daemon.
sdk::Result<void> note_facts(Engine& engine, const model::VmRecord& vm, const agent::GuestFacts& facts);
/// Nothing if it never booted.
std::optional<agent::GuestFacts> noted_facts(const Engine& engine, const model::VmRecord& vm);

}  // namespace banger::lifecycle
