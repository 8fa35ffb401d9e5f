// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm.hpp"

namespace banger::sdk::testing::on_firecracker {

/// A machine with firecracker_guest, which counts, and a disk "root" of zeros. See VmmSnapshotUnderTest for the rest.
BootSpec counting_guest(const FakeHost& host);
std::uint64_t counted(const Owner& owner, std::uint64_t after, std::chrono::milliseconds patience);
Disk new_top(const BootSpec& spec, const Disk& disk);
bool writes(const Handle& machine, const std::string& role, char byte);
bool reads(const Handle& machine, const std::string& role, char byte);
bool holds(const Disk& disk, char byte);

/// Waits until its guest has sent so many frames of that length, or has received so many since this was asked last. False
/// where it has no network device, or that takes minutes.
bool sends(const Owner& owner, std::uint32_t frames, std::uint32_t bytes);
bool receives(const Owner& owner, std::uint32_t frames);

}  // namespace banger::sdk::testing::on_firecracker
