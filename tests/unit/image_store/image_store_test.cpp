// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "image_store_test.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <future>
#include <thread>

namespace banger::images {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using ::testing::ElementsAre;
using testing::FunctionSource;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ImageStoreTest, PullsAnImageIntoTwoLayers)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_TRUE(image) << image.error().message;

    EXPECT_EQ(image->name, "small");
    EXPECT_EQ(image->kernel, "plain");
    EXPECT_GT(image->created, 0);
    EXPECT_EQ(image->facts.at("init"), "systemd");
    EXPECT_EQ(image->facts.at("os_id"), "debian");
    EXPECT_EQ(image->facts.at("os_version"), "12");
    EXPECT_EQ(image->facts.at("os_name"), "Debian 12");
    EXPECT_EQ(image->facts.at("has_sshd"), "false");
    EXPECT_EQ(image->facts.at("packages"), "183");
    EXPECT_EQ(image->root.path, directory_ + "/" + image->id + "/root.ext4");
    for (const sdk::Layer& layer : {image->root, image->work}) {
        struct stat status {};
        ASSERT_EQ(::stat(layer.path.c_str(), &status), 0);
        EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), layer.bytes);
        EXPECT_EQ(status.st_mode & 07777U, 0444U);
        EXPECT_TRUE(testing::is_clean(layer.path)) << layer.path;
    }
    EXPECT_EQ(testing::file_in(image->work.path, "/.profile"), "umask 022\n");
    EXPECT_EQ(testing::file_in(image->root.path, "/etc/machine-id"), "");
    EXPECT_THAT(names(), ElementsAre(image->id));
    EXPECT_THAT(testing::names_in(directory_ + "/" + image->id), ElementsAre("image.json", "root.ext4", "work.ext4"));
}

TEST_F(ImageStoreTest, TellsProgressWithTheImagesName)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    ASSERT_TRUE(store.pull("small", call));
    std::vector<std::string> stages;
    for (const auto& told : call.told())
        stages.push_back(told.stage);
    EXPECT_THAT(stages, ::testing::IsSupersetOf({"make image small: download packages",
                                                 "make image small: write the root file system",
                                                 "make image small: finish the file systems"}));
}

TEST_F(ImageStoreTest, ASourceThatCannotWorkHereSaysWhyAndWhatToDoBeforeItIsTried)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    source.answer.usable = false;
    source.answer.reason = "this user has no range of subordinate ids";
    source.answer.hint = "add one: usermod --add-subuids 100000-165535 me";
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::unsupported);
    EXPECT_EQ(image.error().message,
              "image source 'fake' cannot be used here: this user has no range of subordinate ids");
    EXPECT_EQ(image.error().hint, source.answer.hint);
    EXPECT_EQ(source.fetches(), 0);
    EXPECT_THAT(names(), IsEmpty());
    source.answer.usable = true;
    EXPECT_TRUE(store.pull("small", call)) << "asked again: somebody did what the hint says";
}

TEST_F(ImageStoreTest, TheSameStreamMakesTheSameBytes)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    ImageStore one(directory_, catalogue_, always(source));
    ImageStore two(temporary_.path() + "/other", catalogue_, always(source));
    FakeCall call;
    const auto first = one.pull("small", call);
    const auto second = two.pull("small", call);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(*sdk::os::read_file(first->root.path, 1U << 30U) == *sdk::os::read_file(second->root.path, 1U << 30U));
    EXPECT_TRUE(*sdk::os::read_file(first->work.path, 1U << 30U) == *sdk::os::read_file(second->work.path, 1U << 30U));
}

TEST_F(ImageStoreTest, AChangedRecipeIsAnotherImage)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    FakeCall call;
    const auto old = ImageStore(directory_, catalogue_, always(source)).pull("small", call);
    ASSERT_TRUE(old);

    const Catalogue changed = testing::catalogue(2);
    ImageStore store(directory_, changed, always(source));
    const auto by_name = store.find("small");
    ASSERT_FALSE(by_name);
    EXPECT_EQ(by_name.error().code, Code::not_found);
    EXPECT_THAT(by_name.error().message, HasSubstr(old->id));
    EXPECT_TRUE(store.find(old->id));
    EXPECT_EQ(store.remove("small").error().code, Code::not_found);

    const auto fresh = store.pull("small", call);
    ASSERT_TRUE(fresh);
    EXPECT_NE(fresh->id, old->id);
    EXPECT_THAT(*store.list(), SizeIs(2));
    EXPECT_TRUE(store.remove(old->id));
    EXPECT_THAT(names(), ElementsAre(fresh->id));
}

TEST_F(ImageStoreTest, WhatTheCatalogueForgotIsFoundByItsName)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    FakeCall call;
    const auto old = ImageStore(directory_, catalogue_, always(source)).pull("small", call);
    ASSERT_TRUE(old);
    const Catalogue empty;
    ImageStore store(directory_, empty, always(source));
    const auto found = store.find("small");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->id, old->id);
    EXPECT_TRUE(store.pull("small", call));
    EXPECT_TRUE(store.remove("small"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, TheSourcesFailureIsReportedAndNotTheCutArchive)
{
    const std::string tar = testing::small_image().file("./big", std::string(300'000, 'x')).text();
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
        (void)sdk::os::write_file_atomic(request.directory + "/scratch", "half");
        (void)testing::write_stream(request.output, tar.substr(0, tar.size() / 2));
        return sdk::make_error(Code::unavailable, "the mirror does not answer", "check the network");
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::unavailable);
    EXPECT_EQ(image.error().message, "the mirror does not answer");
    EXPECT_EQ(image.error().hint, "check the network");
    EXPECT_THAT(image.error().during, ElementsAre("make image 'small'"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, TheSourcesFailureCountsAlsoAfterAWholeArchive)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
        (void)testing::write_stream(request.output, testing::small_image().text());
        return sdk::make_error(Code::unavailable, "the last step failed");
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    EXPECT_EQ(store.pull("small", call).error().message, "the last step failed");
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, AFailedImportStopsTheSourceAndIsReported)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call&) {
        return testing::write_for_ever(testing::Tar().directory("./").file("../outside", "x").text(), request);
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::invalid) << image.error().message;
    EXPECT_THAT(image.error().message, HasSubstr("../outside"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, ALayerThatPretendsToBeTwoIsRefused)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
        const auto stream = testing::Tar().file(".wh..wh..layer", "sha256:a").file("a", "x").file(".wh..wh..layer", "sha256:b").file("a", "y");
        if (auto written = testing::write_stream(request.output, stream.text()); !written)
            return std::move(written).error();
        return sdk::ImageStream{"tar", {{"layers", "1"}}};
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::corrupt);
    EXPECT_THAT(image.error().message, HasSubstr("gave 1 layers of which 2 are whole"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, ALayerThatEndsInTheMiddleOfItsLastFileIsRefused)
{
    const std::string content(100, 'x');
    for (const std::uint64_t lacking : {0U, 1U, 90U, 600U}) {
        FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
            const auto mark = testing::Tar().file(".wh..wh..layer", "sha256:a").text();
            const auto stream = mark.substr(0, 1024) + testing::Tar().directory("d").file("d/last", content).text();
            if (auto written = testing::write_stream(request.output, stream); !written)
                return std::move(written).error();
            return sdk::ImageStream{"tar", {{"layers", "1"}, {"layer_bytes", std::to_string(1024 + content.size() - lacking)}}};
        });
        FakeCall call;
        const auto image = ImageStore(directory_ + std::to_string(lacking), catalogue_, always(source)).pull("small", call);
        EXPECT_EQ(bool(image), lacking == 0) << lacking;
        if (image) {
            EXPECT_FALSE(image->facts.contains("layer_bytes"));
            continue;
        }
        EXPECT_EQ(image.error().code, Code::corrupt);
        EXPECT_THAT(image.error().message, HasSubstr("ends in the middle of a file"));
        EXPECT_THAT(image.error().during, ElementsAre("take 'd/last'", "read layer 1 (sha256:a)", "make image 'small'"));
    }
}

TEST_F(ImageStoreTest, WhatIsDroppedLeavesNothingBehindButItsOtherNames)
{
    const auto tar = testing::small_image().file("./tmp/note", "a note").hard_link("./usr/note", "./tmp/note");
    FunctionSource source(testing::gives(tar.text()));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(testing::file_in(image->root.path, "/usr/note"), "a note");
    EXPECT_THAT(testing::file_in(image->root.path, "/tmp/note"), Not(HasSubstr("a note")));
    EXPECT_TRUE(testing::is_clean(image->root.path));
    EXPECT_THAT(testing::names_in(directory_ + "/" + image->id), ElementsAre("image.json", "root.ext4", "work.ext4"));
}

TEST_F(ImageStoreTest, AFailedImportCancelsASourceThatWritesNoMore)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call& call) -> sdk::Result<sdk::ImageStream> {
        (void)testing::write_stream(request.output, testing::Tar().file("../outside", "x").text());
        testing::wait_until_cancelled(call);
        return testing::sdk_cancelled();
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    EXPECT_EQ(store.pull("small", call).error().code, Code::invalid);
    EXPECT_FALSE(call.cancelled());
}

TEST_F(ImageStoreTest, NothingIsNoImage)
{
    FunctionSource source(testing::gives({}));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    EXPECT_FALSE(store.pull("small", call));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, AnUnknownSourceIsSaid)
{
    ImageStore store(directory_, catalogue_, [](const std::string& name) -> sdk::Result<sdk::ImageSource*> {
        return sdk::make_error(Code::not_found, "there is no image source '" + name + "'");
    });
    FakeCall call;
    EXPECT_EQ(store.pull("small", call).error().message, "there is no image source 'fake'");
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, CancellationLeavesNothing)
{
    FakeCall call;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& own) -> sdk::Result<sdk::ImageStream> {
        const std::string tar = testing::small_image().text();
        (void)testing::write_stream(request.output, tar.substr(0, tar.size() / 2));
        call.cancel();
        testing::wait_until_cancelled(own);
        return testing::sdk_cancelled();
    });
    ImageStore store(directory_, catalogue_, always(source));
    const auto image = store.pull("small", call);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, Code::cancelled);
    EXPECT_EQ(image.error().message, "making image 'small' was cancelled");
    EXPECT_THAT(names(), IsEmpty());
}

class DamagedImage : public ImageStoreTest {
protected:
    FunctionSource source_{testing::gives(testing::small_image().text())};
    ImageStore store_{directory_, catalogue_, always(source_)};
    FakeCall call_;

    void expect_corrupt(const std::string& id)
    {
        for (const auto& result : {store_.find("small"), store_.find(id), store_.pull("small", call_)}) {
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error().code, Code::corrupt);
            EXPECT_THAT(result.error().message, HasSubstr(directory_ + "/" + id));
            EXPECT_THAT(result.error().hint, HasSubstr("`banger image delete " + id + "`"));
        }
        const auto listed = store_.list();
        ASSERT_TRUE(listed);
        ASSERT_THAT(*listed, SizeIs(1));
        EXPECT_EQ(listed->front().id, id);
        EXPECT_EQ(listed->front().name, "small");
        EXPECT_NE(listed->front().problem, "");
        EXPECT_GT(listed->front().bytes, 0U);

        EXPECT_TRUE(store_.remove(id));
        EXPECT_TRUE(store_.pull("small", call_));
        EXPECT_EQ(source_.fetches(), 2);
    }
};

TEST_F(DamagedImage, TornRecord)
{
    const auto image = store_.pull("small", call_);
    ASSERT_TRUE(image);
    const std::string record = directory_ + "/" + image->id + "/image.json";
    const std::string text = *sdk::os::read_file(record);
    ASSERT_TRUE(sdk::os::write_file_atomic(record, text.substr(0, text.size() / 2)));
    expect_corrupt(image->id);
}

TEST_F(DamagedImage, MissingRecord)
{
    const auto image = store_.pull("small", call_);
    ASSERT_TRUE(image);
    ASSERT_TRUE(sdk::os::remove_file(directory_ + "/" + image->id + "/image.json"));
    expect_corrupt(image->id);
}

TEST_F(DamagedImage, CutLayer)
{
    const auto image = store_.pull("small", call_);
    ASSERT_TRUE(image);
    ASSERT_EQ(::chmod(image->root.path.c_str(), 0600), 0);
    ASSERT_EQ(::truncate(image->root.path.c_str(), 4096), 0);
    expect_corrupt(image->id);
}

}  // namespace
}  // namespace banger::images
