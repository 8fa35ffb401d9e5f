// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/download_cache.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::images {
namespace {

TEST(DownloadCache, ListsAndRemovesWhatNobodyWorksOn)
{
    const sdk::testing::TemporaryDirectory cache;
    EXPECT_TRUE(idle_downloads(cache.path() + "/none")->empty());
    const std::string blobs = cache.path() + "/image-x/blobs";
    ASSERT_TRUE(sdk::os::make_directories(blobs));
    ASSERT_TRUE(sdk::os::make_directories(cache.path() + "/other"));
    for (const char* name : {"/done", "/busy.part", "/left.part"})
        ASSERT_TRUE(sdk::os::write_file_atomic(blobs + name, std::string(8192, 'b')));
    ASSERT_TRUE(sdk::os::write_file_atomic(cache.path() + "/other/facts.json", "{}"));
    const auto busy = sdk::os::open_file(blobs + "/busy.part", O_RDWR);
    ASSERT_TRUE(busy);
    ASSERT_EQ(::flock(busy->get(), LOCK_EX), 0);

    const auto downloads = idle_downloads(cache.path());
    ASSERT_TRUE(downloads) << downloads.error().message;
    ASSERT_EQ(downloads->size(), 2U);
    EXPECT_EQ(downloads->at(0).path, blobs + "/done");
    EXPECT_EQ(downloads->at(1).path, blobs + "/left.part");
    EXPECT_GE(downloads->at(0).bytes, 8192U);
    for (const auto& download : *downloads)
        EXPECT_EQ(remove_download(download).value_or(0), download.bytes);
    EXPECT_EQ(sdk::os::list_directory(blobs).value_or({}), std::vector<std::string>{"busy.part"});
    EXPECT_EQ(remove_download({blobs + "/busy.part", 1}).value_or(1), 0U) << "somebody works on it";
    EXPECT_TRUE(sdk::os::exists(cache.path() + "/other/facts.json"));
}

}  // namespace
}  // namespace banger::images
