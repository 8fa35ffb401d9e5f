// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "older_firewall.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include <cstring>
#include <vector>

namespace banger::tap {
namespace {

// A rule without conditions, with that verdict, or with a target of that name.
std::vector<std::byte> rule(int verdict, const char* name = "")
{
    ipt_entry entry{};
    xt_standard_target target{};
    entry.target_offset = sizeof entry;
    entry.next_offset = sizeof entry + sizeof target;
    std::strcpy(target.target.u.user.name, name);
    target.target.u.user.target_size = sizeof target;
    target.verdict = verdict;
    std::vector<std::byte> bytes(entry.next_offset);
    std::memcpy(bytes.data(), &entry, sizeof entry);
    std::memcpy(bytes.data() + sizeof entry, &target, sizeof target);
    return bytes;
}

TEST(OlderFirewall, KnowsAPolicyThatDrops)
{
    auto two = rule(-NF_ACCEPT - 1);
    const auto second = static_cast<std::uint32_t>(two.size());
    const auto drops = rule(-NF_DROP - 1);
    two.insert(two.end(), drops.begin(), drops.end());
    EXPECT_FALSE(is_policy_that_drops(two, 0));
    EXPECT_TRUE(is_policy_that_drops(two, second));
    EXPECT_FALSE(is_policy_that_drops(rule(-NF_DROP - 1, "REJECT"), 0)) << "that is a rule and no policy";
}

TEST(OlderFirewall, LooksAtNothingBehindTheEnd)
{
    auto bytes = rule(-NF_DROP - 1);
    EXPECT_FALSE(is_policy_that_drops(bytes, 1));
    EXPECT_FALSE(is_policy_that_drops(bytes, static_cast<std::uint32_t>(bytes.size())));
    EXPECT_FALSE(is_policy_that_drops(bytes, ~0U));
    bytes.pop_back();
    EXPECT_FALSE(is_policy_that_drops(bytes, 0));
    EXPECT_FALSE(is_policy_that_drops({}, 0));
}

}  // namespace
}  // namespace banger::tap
