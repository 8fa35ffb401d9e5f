// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_files.hpp"

#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "cow_file.hpp"
#include "layer_chain.hpp"
#include "room.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace os = sdk::os;

class DmDiskFiles : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(os::write_file_atomic(image.path, std::string(image.bytes, 'L')));
        ASSERT_TRUE(files.make(files.tops().first(), bytes, image));
    }
    [[nodiscard]] std::vector<std::string> names() const { return *os::list_directory(owner.directory); }

    static constexpr std::uint64_t bytes = 8U << 20U;
    sdk::testing::FakeHost host;
    sdk::Owner owner = host.new_owner();
    DiskFiles files = *DiskFiles::of(owner, "root");
    sdk::Layer image{host.cache_directory() + "/image", 1U << 20U, "raw"};
};

TEST_F(DmDiskFiles, TheNewestTopIsTheDisk)
{
    EXPECT_THAT(names(), ElementsAre("root.cow", "root.cow.note"));
    EXPECT_EQ(files.open()->cow, owner.directory + "/root.cow");
    const auto next = files.tops().next();
    ASSERT_TRUE(next);
    ASSERT_TRUE(files.make(*next, bytes, {owner.directory + "/root.cow", bytes, std::string(cow_format)}));
    EXPECT_EQ(files.open()->cow, *next);
    const auto chain = chain_of(files.open()->note.layer);
    ASSERT_TRUE(chain) << chain.error().message;
    EXPECT_EQ(chain->size(), 2U);
    EXPECT_EQ(chain->back().path, image.path);
    EXPECT_TRUE(files.remove());
    EXPECT_TRUE(names().empty());
}

TEST_F(DmDiskFiles, RolesThatBeginAlikeAreApart)
{
    const auto other = *DiskFiles::of(owner, "root-2");
    ASSERT_TRUE(other.make(other.tops().first(), bytes, image));
    EXPECT_TRUE(files.remove());
    EXPECT_THAT(names(), ElementsAre("root-2.cow", "root-2.cow.note"));
}

TEST_F(DmDiskFiles, GrowingIsNoted)
{
    auto top = *files.open();
    ASSERT_TRUE(DiskFiles::grow(top, 2 * bytes));
    EXPECT_EQ(files.open()->note.bytes, 2 * bytes);
    EXPECT_EQ(os::read_file(top.cow)->size(), cow::length_for(2 * bytes));
}

TEST_F(DmDiskFiles, ADiskWithoutItsNoteIsCorruptAndNotGone)
{
    ASSERT_TRUE(os::remove_file(note_path(files.tops().first())));
    const auto opened = files.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::corrupt);
    ASSERT_TRUE(os::remove_file(files.tops().first()));
    EXPECT_EQ(files.open().error().code, Code::not_found);
}

TEST_F(DmDiskFiles, ALayerThatStandsOnItselfIsCorrupt)
{
    const std::string cow = files.tops().first();
    auto note = *read_note(cow);
    note.layer = {cow, bytes, std::string(cow_format)};
    note.layer_mark = note.id;
    ASSERT_TRUE(write_note(cow, note));
    const auto chain = chain_of(note.layer);
    ASSERT_FALSE(chain);
    EXPECT_EQ(chain.error().code, Code::corrupt);
    EXPECT_EQ(chain_of({image.path, image.bytes, "qcow2"}).error().code, Code::unsupported);
}

TEST_F(DmDiskFiles, WhereThereIsNoRoomItIsSaidWhatWouldBe)
{
    EXPECT_TRUE(check_room(owner.directory, 1));
    const auto refused = check_room(owner.directory, ~0ULL);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::no_space);
    EXPECT_THAT(refused.error().message, HasSubstr("MiB are free"));
    EXPECT_THAT(refused.error().hint, HasSubstr("reserve_mib"));
}

}  // namespace
}  // namespace banger::dm
