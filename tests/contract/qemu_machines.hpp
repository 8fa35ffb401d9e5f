// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm.hpp"
#include "monitor.hpp"

namespace banger::sdk::testing {

/// A real QEMU, whose kernel does nothing but halt: where a test is about the process, any guest will do.
BootSpec idle_guest(const FakeHost& host);
/// One that counts in its memory and shows each number on its serial port.
BootSpec counting_guest(const FakeHost& host);
/// One that writes to each page of 96 of its 128 MiB over and over, as fast as it can, and shows when it has done so.
BootSpec busy_guest(const FakeHost& host);

/// See VmmSnapshotUnderTest.
std::uint64_t counted(const Owner& owner, std::uint64_t after, std::chrono::milliseconds patience);
Disk new_top(const BootSpec& spec, const Disk& disk);
bool writes(const Handle& machine, const std::string& role, char byte);
bool reads(const Handle& machine, const std::string& role, char byte);
bool holds(const Disk& disk, char byte);

/// Whether it shows anything on its serial port in that time.
bool showed_something(const Owner& owner, std::chrono::milliseconds patience);

/// A conversation of the test's own with a machine that lives.
qemu::Monitor monitor_of(const Handle& machine);

}  // namespace banger::sdk::testing
