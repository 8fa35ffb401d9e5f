// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/limits.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace banger::config {
namespace {

constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

std::string message(const sdk::Result<void>& result)
{
    return result ? "fine" : result.error().message;
}

TEST(HostFacts, AreRead)
{
    const auto host = read_host_facts();
    EXPECT_GE(host.cpus, 1U);
    EXPECT_GE(host.memory_mib, 64U);
}

TEST(HostFacts, DefaultsAreAQuarterAndAnEighth)
{
    EXPECT_EQ(default_vcpus({1, 0}), 1U);
    EXPECT_EQ(default_vcpus({2, 0}), 1U);
    EXPECT_EQ(default_vcpus({8, 0}), 2U);
    EXPECT_EQ(default_vcpus({128, 0}), 4U);
    EXPECT_EQ(default_memory_mib({1, 1024}), 512U);
    EXPECT_EQ(default_memory_mib({1, 24'576}), 3072U);
    EXPECT_EQ(default_memory_mib({1, 1'000'000}), 8192U);
}

TEST(Limits, Vcpus)
{
    const HostFacts host{2, 4096};
    EXPECT_TRUE(check_vcpus("--vcpu", 1, host));
    EXPECT_TRUE(check_vcpus("--vcpu", 8, host));
    EXPECT_EQ(message(check_vcpus("--vcpu", 9, host)), "--vcpu cannot be 9: it must be 1 to 8 on this host");
    EXPECT_EQ(message(check_vcpus("--vcpu", 0, host)), "--vcpu cannot be 0: it must be 1 to 8 on this host");
    EXPECT_FALSE(check_vcpus("--vcpu", smallest, host));
    EXPECT_FALSE(check_vcpus("--vcpu", largest, host));
    EXPECT_EQ(most_vcpus({100, 0}), 64U);
}

TEST(Limits, Memory)
{
    const HostFacts host{2, 4096};
    EXPECT_TRUE(check_memory("--memory", 128, host));
    EXPECT_TRUE(check_memory("--memory", 4096, host));
    EXPECT_EQ(message(check_memory("--memory", 127, host)),
              "--memory cannot be 127 MiB: it must be 128 to 4096 MiB on this host");
    EXPECT_FALSE(check_memory("--memory", 4097, host));
    EXPECT_FALSE(check_memory("--memory", -1, host));
    EXPECT_FALSE(check_memory("--memory", largest, host));
}

TEST(Limits, Disk)
{
    constexpr std::int64_t gib = 1LL << 30;
    EXPECT_TRUE(check_disk("--disk", gib));
    EXPECT_TRUE(check_disk("--disk", 16 * 1024 * gib));
    EXPECT_EQ(message(check_disk("--disk", gib / 2)), "--disk cannot be 512 MiB: it must be 1 GiB to 16 TiB");
    EXPECT_EQ(message(check_disk("--disk", 0)), "--disk cannot be 0 bytes: it must be 1 GiB to 16 TiB");
    EXPECT_EQ(message(check_disk("--disk", gib + 1)),
              "--disk cannot be 1073741825 bytes: it must be a multiple of 4096 bytes");
    EXPECT_FALSE(check_disk("--disk", -gib));
    EXPECT_FALSE(check_disk("--disk", largest));
    EXPECT_FALSE(check_disk("--disk", smallest));
}

}  // namespace
}  // namespace banger::config
