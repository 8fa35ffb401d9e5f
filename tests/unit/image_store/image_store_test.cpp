// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/image_store.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/images/image_import.hpp"
#include "store_test_support.hpp"

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

FindImageSource always(sdk::ImageSource& source)
{
    return [&source](const std::string&) -> sdk::Result<sdk::ImageSource*> { return &source; };
}

class ImageStoreTest : public ::testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    std::string directory_ = temporary_.path() + "/images";
    Catalogue catalogue_ = testing::catalogue();

    [[nodiscard]] std::vector<std::string> names() const { return testing::names_in(directory_); }
};

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

TEST_F(ImageStoreTest, FindsByNameAndById)
{
    FunctionSource source(testing::gives(testing::small_image().text()));
    ImageStore store(directory_, catalogue_, always(source));
    const auto missing = store.find("small");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::not_found);
    EXPECT_THAT(missing.error().hint, HasSubstr("`banger image pull small`"));

    FakeCall call;
    const auto pulled = store.pull("small", call);
    ASSERT_TRUE(pulled) << pulled.error().message;
    for (const std::string& name : {std::string("small"), pulled->id}) {
        const auto found = store.find(name);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_EQ(found->id, pulled->id);
        EXPECT_EQ(found->root.bytes, pulled->root.bytes);
        EXPECT_EQ(found->facts, pulled->facts);
        EXPECT_EQ(found->created, pulled->created);
    }
    ASSERT_TRUE(store.pull(pulled->id, call));
    ASSERT_TRUE(store.pull("small", call));
    EXPECT_EQ(source.fetches(), 1);
}

// A registry whose every reference leads to the same image.
FunctionSource::Fetch pins(std::atomic<int>& asked)
{
    return [&asked](const sdk::ImageRequest& request, sdk::Call& call) -> sdk::Result<sdk::ImageStream> {
        if (request.recipe.find("\"pin\"") == std::string::npos)
            return testing::gives(testing::small_image().text())(request, call);
        ++asked;
        if (request.name.ends_with(":missing"))
            return sdk::make_error(Code::not_found, "the registry has no such thing");
        return sdk::ImageStream{"recipe", {{"recipe", R"({"reference": "r/a@sha256:1"})"}, {"identity", "sha256:1"}}};
    };
}

TEST_F(ImageStoreTest, WhatSeveralReferencesLeadToIsOneImage)
{
    std::atomic<int> asked = 0;
    FunctionSource source(pins(asked));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto first = store.pull("r:5000/a:1", call);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = store.pull("alpine", call);
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_EQ(first->id, second->id);
    EXPECT_EQ(source.fetches() - asked, 1) << "made once";
    EXPECT_THAT(names(), ElementsAre(first->id));
    for (const char* name : {"r:5000/a:1", "alpine"}) {
        ASSERT_TRUE(store.find(name)) << name;
        ASSERT_TRUE(store.pull(name, call)) << name;
    }
    EXPECT_EQ(asked, 2) << "what is here is not asked for again";
    const auto missing = store.pull("r:5000/a:missing", call);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::not_found);
    EXPECT_EQ(missing.error().during, std::vector<std::string>{"pull image 'r:5000/a:missing'"});
    ASSERT_TRUE(store.remove("alpine"));
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ImageStoreTest, WhatWasChosenForAnImageStays)
{
    std::atomic<int> asked = 0;
    FunctionSource source(pins(asked));
    FakeCall call;
    {
        ImageStore store(directory_, catalogue_, always(source));
        const auto chosen = store.pull("r/a:1", call, {"local/base:1", "plain", "linux/386", 5ULL << 30U});
        ASSERT_TRUE(chosen) << chosen.error().message;
        ASSERT_TRUE(store.pull("small", call, {"local/small:1", "other", {}, 0}));
        EXPECT_EQ(store.pull("small", call, {{}, {}, "linux/386", 0}).error().code, Code::invalid)
            << "the catalogue says its platform";
    }
    ImageStore store(directory_, catalogue_, always(source));
    const auto base = store.find("local/base:1");
    ASSERT_TRUE(base) << base.error().message;
    EXPECT_EQ(base->id, store.find("r/a:1")->id);
    EXPECT_EQ(base->kernel, "plain");
    EXPECT_EQ(base->disk_bytes, 5ULL << 30U);
    EXPECT_EQ(store.find("local/small:1")->kernel, "other") << "and not what the catalogue says";
    EXPECT_EQ(store.find("small")->kernel, "other");
    ASSERT_TRUE(store.pull("r/a:1", call));
    EXPECT_EQ(asked, 1);
    ASSERT_TRUE(store.pull("r/a:1", call, {{}, {}, "linux/amd64", 0}));
    EXPECT_EQ(asked, 2) << "a platform is always asked for";
}

TEST_F(ImageStoreTest, OfSeveralPlatformsThatWhichRunsHereHasTheName)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call& call) -> sdk::Result<sdk::ImageStream> {
        const bool arm = request.recipe.find("arm64") != std::string::npos;
        const std::string platform = arm ? "linux/arm64" : "linux/amd64";
        if (request.recipe.find("\"pin\"") != std::string::npos)
            return sdk::ImageStream{"recipe", {{"recipe", R"({"platform": ")" + platform + "\"}"}, {"identity", platform}}};
        auto given = testing::gives(testing::small_image().text())(request, call);
        if (given)
            given->facts["platform"] = platform;
        return given;
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto other = store.pull("r/a:1", call, {{}, {}, "linux/arm64", 0});
    ASSERT_TRUE(other) << other.error().message;
    EXPECT_EQ(store.find("r/a:1")->id, other->id) << "the only one";
    const auto refused = check_platform(*other, "r/a:1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unsupported);
    EXPECT_EQ(refused.error().message, "image 'r/a:1' is for linux/arm64, which no machine here can run");
    const auto ours = store.pull("r/a:1", call, {{}, {}, "linux/amd64", 0});
    ASSERT_TRUE(ours) << ours.error().message;
    EXPECT_NE(ours->id, other->id);
    EXPECT_TRUE(check_platform(*ours, "r/a:1"));
    EXPECT_TRUE(check_platform(*store.pull("small", call), "small")) << "it names none";

    const auto record = directory_ + "/" + other->id + "/image.json";
    auto text = sdk::os::read_file(record).value_or("");
    const auto created = std::to_string(other->created);
    text.replace(text.find(created), created.size(), std::to_string(other->created + 10));
    ASSERT_TRUE(sdk::os::write_file_atomic(record, text, 0444));
    EXPECT_EQ(store.find("r/a:1")->id, ours->id) << "although the other is newer";
    EXPECT_EQ(store.find(other->id)->id, other->id);
}

TEST_F(ImageStoreTest, SourcesAreAskedInTheirOrderOfPreference)
{
    ASSERT_TRUE(catalogue_.add(R"({"version": 1, "images": [{"name": "two", "description": "x", "kernel": "plain", "sources": [
        {"source": "first", "recipe": {"n": 1}}, {"source": "second", "recipe": {"n": 2}}]}]})"));
    std::vector<std::string> recipes;
    FunctionSource first([&](const sdk::ImageRequest& request, sdk::Call& shared) -> sdk::Result<sdk::ImageStream> {
        recipes.push_back(request.recipe);
        if (shared.cancelled())
            return testing::sdk_cancelled();
        return sdk::make_error(Code::unavailable, "nobody answers");
    });
    FunctionSource second([&](const sdk::ImageRequest& request, sdk::Call& shared) {
        recipes.push_back(request.recipe);
        return testing::gives(testing::small_image().text())(request, shared);
    });
    ImageStore store(directory_, catalogue_, [&](const std::string& name) -> sdk::Result<sdk::ImageSource*> {
        return name == "first" ? &first : &second;
    });
    FakeCall call;
    const auto image = store.pull("two", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_THAT(recipes, ElementsAre(R"({"n":1})", R"({"n":2})"));
    EXPECT_THAT(call.warnings(), ElementsAre(HasSubstr("source 'first' does not give 'two': nobody answers")));
    EXPECT_THAT(testing::names_in(directory_ + "/" + image->id), ElementsAre("image.json", "root.ext4", "work.ext4"));
    EXPECT_TRUE(store.pull("two", call)) << "it is here";
    EXPECT_EQ(first.fetches(), 1);
}

TEST_F(ImageStoreTest, ABareNameIsAReferenceUnlessItIsOneOfTheCatalogue)
{
    FunctionSource source(testing::gives({}));
    const ImageStore store(directory_, catalogue_, always(source));
    for (const char* name : {"alpine", "node", "alpine:3.20", "r/a", "a@sha256:1", "smal", "small-one"})
        EXPECT_TRUE(store.is_reference(name)) << name;
    for (const char* name : {"small", "Alpine", "0123456789abcdef", ""})
        EXPECT_FALSE(store.is_reference(name)) << name;
}

TEST_F(ImageStoreTest, AnUnknownNameGetsTheNearest)
{
    FunctionSource source(testing::gives({}));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    for (const auto& result : {store.find("smal"), store.pull("Smal", call)}) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, Code::not_found);
        EXPECT_THAT(result.error().message, HasSubstr("there is no image '"));
        EXPECT_THAT(result.error().hint, HasSubstr("did you mean 'small'?"));
    }
    EXPECT_EQ(store.remove("smal").error().code, Code::not_found);
    EXPECT_EQ(source.fetches(), 0);
}

TEST_F(ImageStoreTest, ABareNameThatNoRegistryHasGetsTheNearestToo)
{
    auto code = Code::permission;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call&) -> sdk::Result<sdk::ImageStream> {
        EXPECT_THAT(request.recipe, HasSubstr(R"("reference":")"));
        return sdk::make_error(code, "the registry does not give it", "log in");
    });
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto denied = store.pull("smal", call);
    ASSERT_FALSE(denied);
    EXPECT_EQ(denied.error().code, Code::permission);
    EXPECT_EQ(denied.error().hint, "did you mean 'small'? If not: log in");
    EXPECT_EQ(store.pull("alpine", call).error().hint, "log in") << "like none of the catalogue";
    code = Code::corrupt;
    EXPECT_EQ(store.pull("smal", call).error().hint, "log in") << "it was there";
    EXPECT_EQ(source.fetches(), 3);
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

// Writes for ever what the import does not want, and then says something misleading.
sdk::Result<sdk::ImageStream> write_for_ever(const std::string& start, const sdk::ImageRequest& request)
{
    auto wrote = testing::write_stream(request.output, start);
    while (wrote)
        wrote = testing::write_stream(request.output, std::string(1U << 20U, '\0'));
    return sdk::make_error(Code::plugin, "nobody listens: " + wrote.error().message);
}

TEST_F(ImageStoreTest, AFailedImportStopsTheSourceAndIsReported)
{
    FunctionSource source([](const sdk::ImageRequest& request, sdk::Call&) {
        return write_for_ever(testing::Tar().directory("./").file("../outside", "x").text(), request);
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

TEST_F(ImageStoreTest, WhatSomebodyBroughtOrNamedIsKept)
{
    std::atomic<int> asked = 0;
    FunctionSource source(pins(asked));
    ImageStore store(directory_, catalogue_, always(source));
    FakeCall call;
    const auto pulled = store.pull("r/a:1", call);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_FALSE(pulled->kept);
    EXPECT_FALSE(store.pull("small", call)->kept);
    EXPECT_TRUE(store.pull("small", call, {"local/small:1", {}, {}, 0})->kept);
    EXPECT_TRUE(store.keep("r/a:1", {})->kept);
    EXPECT_TRUE(store.find("r/a:1")->kept) << "also when it is read again";
    EXPECT_EQ(store.keep("r/b:1", {}).error().code, Code::not_found);
    ASSERT_TRUE(store.remove("r/a:1"));
    EXPECT_FALSE(store.pull("r/a:1", call)->kept) << "another one, of the same bytes";
    EXPECT_TRUE(store.import("/some/layout", "local/x:1", call)->kept);
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

// Counts the callers that the work has told something.
class Audience {
public:
    void arrive()
    {
        const std::lock_guard held(mutex_);
        ++present_;
        changed_.notify_all();
    }
    void wait_for(int callers)
    {
        std::unique_lock held(mutex_);
        changed_.wait(held, [&] { return present_ >= callers; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int present_ = 0;
};

class ListeningCall final : public FakeCall {
public:
    explicit ListeningCall(Audience& audience) : audience_(audience) {}
    void progress(const sdk::Progress& progress) override
    {
        FakeCall::progress(progress);
        std::call_once(first_, [this] { audience_.arrive(); });
    }

private:
    Audience& audience_;
    std::once_flag first_;
};

TEST_F(ImageStoreTest, TenCallersAtOnceMakeItOnce)
{
    constexpr int callers = 10;
    Audience audience;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& call) {
        call.progress({"wait for all", 0, 0, {}});
        audience.wait_for(callers);
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(source));
    std::vector<std::future<sdk::Result<Image>>> pulls;
    for (int caller = 0; caller < callers; ++caller)
        pulls.push_back(std::async(std::launch::async, [&] {
            ListeningCall call(audience);
            return store.pull("small", call);
        }));
    for (auto& pull : pulls) {
        const auto image = pull.get();
        ASSERT_TRUE(image) << image.error().message;
        EXPECT_EQ(image->name, "small");
    }
    EXPECT_EQ(source.fetches(), 1);
    EXPECT_THAT(*store.list(), SizeIs(1));
}

TEST_F(ImageStoreTest, OneOfTwoMayGiveUp)
{
    Audience audience;
    std::promise<void> first_left;
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call& call) {
        call.progress({"wait for both", 0, 0, {}});
        first_left.get_future().wait();
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(source));
    ListeningCall impatient(audience);
    ListeningCall patient(audience);
    auto first = std::async(std::launch::async, [&] { return store.pull("small", impatient); });
    auto second = std::async(std::launch::async, [&] { return store.pull("small", patient); });
    audience.wait_for(2);
    impatient.cancel();
    EXPECT_EQ(first.get().error().code, Code::cancelled);
    first_left.set_value();
    EXPECT_TRUE(second.get());
    EXPECT_EQ(source.fetches(), 1);
}

// Two stores are to each other what two processes are: they share nothing but the directory.
TEST_F(ImageStoreTest, AnotherProcessMayPublishFirst)
{
    FunctionSource quick(testing::gives(testing::small_image().text()));
    ImageStore other(directory_, catalogue_, always(quick));
    FunctionSource slow([&](const sdk::ImageRequest& request, sdk::Call& call) {
        FakeCall own;
        EXPECT_TRUE(other.pull("small", own));
        other.sweep();
        return testing::gives(testing::small_image().text())(request, call);
    });
    ImageStore store(directory_, catalogue_, always(slow));
    FakeCall call;
    const auto image = store.pull("small", call);
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(quick.fetches() + slow.fetches(), 2);
    EXPECT_THAT(names(), ElementsAre(image->id));
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
    FunctionSource source([&](const sdk::ImageRequest& request, sdk::Call&) { return write_for_ever(big, request); });
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
