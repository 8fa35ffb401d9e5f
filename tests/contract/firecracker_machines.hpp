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

}  // namespace banger::sdk::testing::on_firecracker
