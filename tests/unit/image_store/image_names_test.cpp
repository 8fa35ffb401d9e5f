// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// By which names an image is found, which it gets, and that one with a name is kept.
#include "image_store_test.hpp"

#include <gmock/gmock.h>

namespace banger::images {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using ::testing::ElementsAre;
using testing::FunctionSource;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST_F(ImageStoreTest, ANameLeadsToWhatItWasGivenToLastHoweverSoon)
{
    FunctionSource source(pins_each);
    FakeCall call;
    std::string last;
    {
        ImageStore store(directory_, catalogue_, always(source));
        for (const char* reference : {"r/a:1", "r/b:1", "r/c:1", "r/d:1", "r/a:1", "r/c:1", "r/c:1", "r/b:1"}) {
            const auto image = store.pull(reference, call, {.name = "local/web:1"});
            ASSERT_TRUE(image) << image.error().message;
            const auto named = store.find("local/web:1");
            ASSERT_TRUE(named) << named.error().message;
            EXPECT_EQ(named->id, image->id) << reference;
            EXPECT_EQ(named->id, store.find(reference)->id) << "its other name stays";
            last = image->id;
        }
    }
    ImageStore store(directory_, catalogue_, always(source));
    EXPECT_EQ(store.find("local/web:1")->id, last) << "another daemon finds the same";
    ASSERT_TRUE(store.remove("local/web:1"));
    EXPECT_EQ(store.find("local/web:1")->id, store.find("r/c:1")->id) << "the one before it";
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

}  // namespace
}  // namespace banger::images
