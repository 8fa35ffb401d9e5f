// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "table.hpp"

#include <algorithm>
#include <sstream>

namespace banger::dm {

Table snapshot_table(std::uint64_t sectors, const std::string& origin, const std::string& cow)
{
    return {{0, sectors, "snapshot", origin + " " + cow + " P " + std::to_string(chunk_sectors)}};
}

Table longer_table(const std::string& device, std::uint64_t device_sectors, std::uint64_t sectors)
{
    return {{0, device_sectors, "linear", device + " 0"}, {device_sectors, sectors - device_sectors, "zero", ""}};
}

Table error_table(std::uint64_t sectors)
{
    return {{0, sectors, "error", ""}};
}

std::optional<std::string> missing_type(const Table& table, std::span<const std::string> known)
{
    for (const auto& target : table)
        if (std::find(known.begin(), known.end(), target.type) == known.end())
            return target.type;
    return std::nullopt;
}

std::optional<SnapshotParts> parse_snapshot(const Table& table)
{
    if (table.size() != 1 || table.front().type != "snapshot")
        return std::nullopt;
    SnapshotParts parts;
    std::istringstream words(table.front().parameters);
    std::string kept;
    if (!(words >> parts.origin >> parts.cow >> kept >> parts.chunk_sectors))
        return std::nullopt;
    return parts;
}

SnapshotHealth parse_health(std::string_view status)
{
    if (status.empty() || status.starts_with("Unknown"))
        return SnapshotHealth::unknown;
    const bool counts = status.front() >= '0' && status.front() <= '9';
    return counts ? SnapshotHealth::sound : SnapshotHealth::failed;
}

}  // namespace banger::dm
