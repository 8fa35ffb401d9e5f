// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/kinds.hpp"

#include <gtest/gtest.h>

namespace banger::plugins {
namespace {

using Names = std::vector<std::string>;

TEST(Kinds, EveryInterfaceHasOne)
{
    EXPECT_EQ(kinds().size(), 10U);
    for (const auto& kind : kinds())
        EXPECT_EQ(find_kind(kind.id), &kind);
    EXPECT_EQ(find_kind("vmm/1"), nullptr);
    EXPECT_EQ(noun_of("vmm/0"), "vmm");
    EXPECT_EQ(noun_of("zebra/7"), "zebra/7");
}

TEST(Kinds, AutoHasAnOrderAndNeverPicksNull)
{
    EXPECT_EQ(auto_order("vmm/0", {"null", "qemu", "zed", "alpha", "firecracker"}),
              (Names{"firecracker", "qemu", "alpha", "zed"}));
    EXPECT_EQ(auto_order("vmm/0", {"null"}), Names{});
    EXPECT_EQ(auto_order("storage/0", {"file", "dm"}), (Names{"dm", "file"}));
    EXPECT_EQ(auto_order("dns/0", {"b", "a"}), (Names{"a", "b"}));
    EXPECT_EQ(auto_order("zebra/7", {"b", "a"}), (Names{"a", "b"}));
}

}  // namespace
}  // namespace banger::plugins
