// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/vmm.hpp"
#include "firecracker_mailbox.hpp"

namespace banger::sdk::testing::on_firecracker {

/// A machine with firecracker_guest, which counts, and a disk "root" of zeros. See VmmSnapshotUnderTest for the rest.
BootSpec counting_guest(const FakeHost& host);
std::uint64_t counted(const Owner& owner, std::uint64_t after, std::chrono::milliseconds patience);

/// Has the guest do something; false if it cannot, or does not answer.
bool ask(const Owner& owner, mailbox::Verb verb, char byte = 0);
/// Waits until what it tells is such; false if there is no more patience.
bool wait_to_hear(const Owner& owner, std::chrono::milliseconds patience,
                  const std::function<bool(const mailbox::Answer&)>& what);

Disk new_top(const BootSpec& spec, const Disk& disk);
bool writes(const Handle& machine, const std::string& role, char byte);
bool reads(const Handle& machine, const std::string& role, char byte);
bool holds(const Disk& disk, char byte);

}  // namespace banger::sdk::testing::on_firecracker
