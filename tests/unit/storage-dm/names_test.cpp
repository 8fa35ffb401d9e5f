// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <gtest/gtest.h>

namespace banger::dm {
namespace {

constexpr const char* instance = "0a1b2c3d";
constexpr const char* vm = "0123456789ab";

TEST(DmNames, ADiskIsNamedAfterInstanceVmAndRoleAndFoundByThat)
{
    const auto name = disk_name(instance, vm, "root-2");
    EXPECT_EQ(name, "banger-0a1b2c3d-0123456789ab-root-2");
    EXPECT_EQ(uuid_of(name), "BANGER-0a1b2c3d-0123456789ab-root-2");
    const auto disk = parse_disk_name(instance, name);
    ASSERT_TRUE(disk);
    EXPECT_EQ(disk->vm, vm);
    EXPECT_EQ(disk->role, "root-2");
}

TEST(DmNames, OthersAreNoDisksOfThisInstance)
{
    for (const auto& name :
         {std::string(), std::string("banger-"), disk_name("ffffffff", vm, "root"), std::string("vg-root"),
          std::string("banger-0a1b2c3d-0123456789ab"), std::string("banger-0a1b2c3d-0123456789ab-"),
          std::string("banger-0a1b2c3d-0123456789aX-root"), probe_name(instance), layer_name(instance, {1, 2}),
          longer_name(instance, {0x123456789abcULL, 2}, 8)})
        EXPECT_FALSE(parse_disk_name(instance, name)) << name;
}

TEST(DmNames, SharedDevicesAreNamedAfterTheLayersFile)
{
    const FileId file{0xfd01, 0x1234};
    EXPECT_EQ(layer_name(instance, file), "banger-0a1b2c3d-layer-fd01-1234");
    EXPECT_EQ(longer_name(instance, file, 8388608), "banger-0a1b2c3d-longer-fd01-1234-8388608");
    EXPECT_TRUE(is_shared_name(instance, layer_name(instance, file)));
    EXPECT_TRUE(is_shared_name(instance, longer_name(instance, file, 8)));
    EXPECT_FALSE(is_shared_name(instance, disk_name(instance, vm, "root")));
    EXPECT_FALSE(is_shared_name("ffffffff", layer_name(instance, file)));
}

TEST(DmNames, TheLongestNameFits)
{
    const std::string role(32, 'r');
    constexpr std::size_t longest = 127;  // DM_NAME_LEN and DM_UUID_LEN of linux/dm-ioctl.h are 128 and 129
    EXPECT_LE(disk_name(instance, vm, role).size(), longest);
    EXPECT_LE(longer_name(instance, {~0ULL, ~0ULL}, ~0ULL).size(), longest);
}

}  // namespace
}  // namespace banger::dm
