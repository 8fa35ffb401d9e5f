// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images that are too large, for the settings or for the disk.
#include "image_store_test.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>

#include <thread>

#include "core/images/image_import.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using testing::FunctionSource;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A disk that is full after a few MiB, seen by this thread and those that it starts.
class SmallDisk {
public:
    explicit SmallDisk(std::string path) : path_(std::move(path))
    {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            !sdk::os::make_directories(path_) || ::mount("none", path_.c_str(), "tmpfs", 0, "size=4m,mode=0700") != 0)
            problem_ = sdk::os_error("mount a small disk").message;
    }
    ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    std::string path_;
    std::string problem_;
};

TEST_F(ImageStoreTest, AnImageBeyondALimitNamesTheSetting)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    FakeCall call;
    for (const auto& [limits, setting] : {std::pair{ImportLimits{2, 1U << 20U}, "images.most_entries"},
                                          std::pair{ImportLimits{100, 20}, "images.most_bytes"}}) {
        const auto image = ImageStore(directory_, catalogue_, always(source), limits).pull("small", call);
        ASSERT_FALSE(image);
        EXPECT_EQ(image.error().code, Code::invalid);
        EXPECT_THAT(image.error().message, HasSubstr("the archive holds more than"));
        EXPECT_THAT(image.error().hint, HasSubstr(setting));
        EXPECT_THAT(names(), IsEmpty());
    }
}

TEST(ImageLayer, MayBeAsLargeAsTheSettingsGo)
{
    const auto options = layer_options("0123456789abcdef", "root");
    EXPECT_GE(options.max_bytes, 1ULL << 40U) << "images.most_bytes";
    EXPECT_GE(options.max_bytes / options.bytes_per_inode, 60'000'000U) << "images.most_entries";
}

TEST_F(ImageStoreTest, ASourceIsToldTheLimits)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call& call) {
        EXPECT_EQ(request.most_entries, 1000U);
        EXPECT_EQ(request.most_bytes, 1U << 20U);
        return testing::gives(testing::small_image().text())(request, call);
    });
    FakeCall call;
    EXPECT_TRUE(ImageStore(directory_, catalogue_, always(source), {1000, 1U << 20U}).pull("small", call));
}

TEST_F(ImageStoreTest, AnotherDiskThatIsFullKeepsItsName)
{
    FunctionSource source([](const sdk::ImageRequest&, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
        return sdk::make_error(Code::no_space, "no space left in /cache", "free some there");
    });
    FakeCall call;
    const auto image = ImageStore(directory_, catalogue_, always(source)).pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().message, "no space left in /cache");
    EXPECT_EQ(image.error().hint, "free some there");
}

TEST_F(ImageStoreTest, AFullDiskIsSaidInOneSentence)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root may mount a disk that gets full";
    const SmallDisk disk(directory_);
    ASSERT_EQ(disk.problem(), "");
    const std::string big = testing::small_image().file("./big", std::string(16U << 20U, 'x')).text();
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call&) { return testing::write_for_ever(big, request); });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::no_space) << image.error().message;
    EXPECT_EQ(image.error().message, "no space left in " + directory_ + " to make image 'small'");
    EXPECT_NE(image.error().hint, "");
    EXPECT_THAT(names(), IsEmpty());
    EXPECT_GE(*sdk::os::free_bytes(directory_), 3U << 20U);
}

}  // namespace
}  // namespace banger::images
