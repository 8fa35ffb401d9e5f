// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace banger::dm {

constexpr std::uint64_t sector_bytes = 512;
constexpr std::uint64_t chunk_sectors = 8;  ///< what a snapshot copies and notes as one: a page of the guest's

/// One line of a device's table. Devices are named by number ("253:7"): no node has to be there.
struct Target {
    std::uint64_t start = 0;    ///< in sectors, as all here
    std::uint64_t sectors = 0;
    std::string type;           ///< "snapshot", "linear", "zero", "error"
    std::string parameters;

    bool operator==(const Target&) const = default;
};
using Table = std::vector<Target>;

/// A persistent snapshot: it reads `origin`, and what was written, which it keeps in `cow`
/// (Documentation/admin-guide/device-mapper/snapshot.rst).
Table snapshot_table(std::uint64_t sectors, const std::string& origin, const std::string& cow);
/// A device, and zeros behind it up to `sectors`.
Table longer_table(const std::string& device, std::uint64_t device_sectors, std::uint64_t sectors);
/// Every access fails.
Table error_table(std::uint64_t sectors);

/// The first type of its targets that is not among those; none if all are.
std::optional<std::string> missing_type(const Table& table, std::span<const std::string> known);

/// What a snapshot stands on and writes to, by the numbers of the devices.
struct SnapshotParts {
    std::string origin;
    std::string cow;
    std::uint64_t chunk_sectors = 0;
};
/// None if the table is no snapshot.
std::optional<SnapshotParts> parse_snapshot(const Table& table);

enum class SnapshotHealth {
    sound,
    failed,   ///< it could not write to its cow, and lets nobody read or write any more
    unknown,
};
/// Of a snapshot's status line: "16/204800 16", or a word.
SnapshotHealth parse_health(std::string_view status);

}  // namespace banger::dm
