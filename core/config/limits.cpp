// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/limits.hpp"

#include <algorithm>
#include <string>

#include "core/base/sizes.hpp"

namespace banger::config {
namespace {

sdk::Error out_of_range(std::string_view what, const std::string& value, const std::string& range, std::string hint)
{
    return sdk::make_error(sdk::Code::invalid, std::string(what) + " cannot be " + value + ": it must be " + range,
                           std::move(hint));
}

std::string bytes_text(std::int64_t bytes)
{
    if (bytes < 0 || bytes % 1024 != 0 || bytes == 0)
        return std::to_string(bytes) + " bytes";
    return base::format_size(static_cast<std::uint64_t>(bytes));
}

}  // namespace

std::uint64_t most_vcpus(const HostFacts& host)
{
    return std::min<std::uint64_t>(64, 4 * host.cpus);
}

sdk::Result<void> check_vcpus(std::string_view what, std::int64_t vcpus, const HostFacts& host)
{
    const auto most = most_vcpus(host);
    if (vcpus >= 1 && static_cast<std::uint64_t>(vcpus) <= most)
        return {};
    return out_of_range(what, std::to_string(vcpus), "1 to " + std::to_string(most) + " on this host",
                        "this host has " + std::to_string(host.cpus) + (host.cpus == 1 ? " CPU" : " CPUs"));
}

sdk::Result<void> check_memory(std::string_view what, std::int64_t mib, const HostFacts& host)
{
    if (mib >= static_cast<std::int64_t>(least_memory_mib) && static_cast<std::uint64_t>(mib) <= host.memory_mib)
        return {};
    return out_of_range(
        what, std::to_string(mib) + " MiB",
        std::to_string(least_memory_mib) + " to " + std::to_string(host.memory_mib) + " MiB on this host",
        "a number alone is MiB; 2G is 2048 MiB");
}

sdk::Result<void> check_disk(std::string_view what, std::int64_t bytes)
{
    if (bytes < static_cast<std::int64_t>(least_disk_bytes) || static_cast<std::uint64_t>(bytes) > most_disk_bytes)
        return out_of_range(what, bytes_text(bytes),
                            base::format_size(least_disk_bytes) + " to " + base::format_size(most_disk_bytes),
                            "a number alone is bytes; write 8G for 8 GiB");
    if (static_cast<std::uint64_t>(bytes) % disk_granularity != 0)
        return out_of_range(what, bytes_text(bytes), "a multiple of " + std::to_string(disk_granularity) + " bytes",
                            "write a size such as 8G");
    return {};
}

}  // namespace banger::config
