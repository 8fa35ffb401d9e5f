// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images and the VMs that stand on them: which may go, and that none goes that is wanted.
#include "core/lifecycle/sources.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "tests/unit/image_store/store_test_support.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using sdk::Code;

constexpr const char* of_catalogue = "debian-bookworm-minimal";

class SourcesTest : public EngineWorld {
protected:
    SourcesTest() : EngineWorld({"fakes"}) { image_source_ = &source_; }

    images::Image pull(const std::string& name)
    {
        auto image = engine_->images.pull(name, call_);
        EXPECT_TRUE(image) << image.error().message;
        return image.value_or({});
    }
    /// Something else each time.
    images::Image import(const std::string& name)
    {
        ++revision_;
        auto image = engine_->images.import("/somewhere", name, call_);
        EXPECT_TRUE(image) << image.error().message;
        return image.value_or({});
    }
    /// A VM that stands on an image.
    model::VmRecord user_of(const images::Image& image, const std::string& id)
    {
        auto vm = add(id, "fake", "fake");
        vm.image_id = image.id;
        EXPECT_TRUE(engine_->store.update(vm));
        return vm;
    }
    void make_older(const images::Image& image)
    {
        const auto path = engine_->paths.images() + "/" + image.id + "/image.json";
        auto text = sdk::os::read_file(path).value_or("");
        const auto created = std::to_string(image.created);
        ASSERT_NE(text.find(created), std::string::npos);
        text.replace(text.find(created), created.size(), std::to_string(image.created - 1));
        ASSERT_TRUE(sdk::os::write_file_atomic(path, text, 0444));
    }
    std::vector<std::string> spare(bool all)
    {
        const auto found = spare_images(*engine_, all);
        EXPECT_TRUE(found);
        std::vector<std::string> lines;
        if (found)
            for (const auto& one : *found)
                lines.push_back(one.image.id + ": " + one.why);
        std::sort(lines.begin(), lines.end());
        return lines;
    }

    Operation operation_{"test", nullptr, nullptr};
    std::unique_ptr<Engine> engine_ = fresh();
    images::testing::FunctionSource source_{[this](const sdk::ImageRequest& request, sdk::Call& call) -> sdk::Result<sdk::ImageStream> {
        const auto revision = std::to_string(revision_);
        if (request.recipe.find("\"pin\"") != std::string::npos)
            return sdk::ImageStream{"recipe", {{"recipe", R"({"reference": "r/a"})"}, {"identity", revision}}};
        return images::testing::gives(images::testing::small_image().file("revision", revision).text())(request, call);
    }};

private:
    int revision_ = 0;
};

TEST_F(SourcesTest, AnImageIsSpareOnceNothingNeedsIt)
{
    const auto known = pull(of_catalogue);
    const auto reference = pull("r/a:1");
    const auto first = import("local/x:1");
    EXPECT_THAT(spare(false), IsEmpty());
    EXPECT_THAT(spare(true), ::testing::UnorderedElementsAre(known.id + ": it can be had again", reference.id + ": it can be had again"));

    const auto vm = user_of(known, "0123456789ab");
    ASSERT_TRUE(engine_->images.keep("r/a:1", {}));
    EXPECT_THAT(spare(true), IsEmpty()) << "one is used, and one is kept";

    make_older(first);  // of two the newer has the name
    const auto second = import("local/x:1");
    ASSERT_NE(first.id, second.id);
    EXPECT_THAT(spare(false), ElementsAre(first.id + ": no name leads to it"));
    const auto user = user_of(first, "0123456789ac");
    EXPECT_THAT(spare(false), IsEmpty()) << "a vm stands on it";

    ASSERT_TRUE(sdk::os::write_file_atomic(engine_->paths.images() + "/" + second.id + "/root.ext4", "cut"));
    EXPECT_THAT(spare(false), ElementsAre(second.id + ": it is damaged"));
}

TEST_F(SourcesTest, WhatAVmUsesIsNotRemovedAndItsUsersAreNamed)
{
    const auto image = pull(of_catalogue);
    user_of(image, "0123456789ab");
    auto refused = remove_image(*engine_, image.id, of_catalogue, operation_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::busy);
    EXPECT_THAT(refused.error().message, HasSubstr("is in use by vm 'vm-0123456789ab'"));
    user_of(image, "0123456789ac");
    refused = remove_image(*engine_, image.id, of_catalogue, operation_);
    EXPECT_THAT(refused.error().message, HasSubstr("is in use by the vms vm-0123456789ab, vm-0123456789ac"));
    EXPECT_TRUE(engine_->images.find(of_catalogue));
}

TEST_F(SourcesTest, OneThatIsRemovedWhileAVmTakesItIsMadeAgain)
{
    const auto image = pull(of_catalogue);
    auto vm = add("0123456789ab", "fake", "fake");
    vm.image = of_catalogue;
    auto removing = engine_->source_locks.lock(image.id, "'it' is being deleted");
    ASSERT_TRUE(removing);
    std::jthread taking([&] {
        const auto taken = claim_image(*engine_, vm, operation_);
        EXPECT_TRUE(taken) << taken.error().message;
    });
    // Whether it waits for us by now or finds nothing later: what it gets is there.
    ASSERT_TRUE(engine_->images.remove(image.id));
    removing->unlock();
    taking.join();
    EXPECT_EQ(engine_->store.find_id(vm.id)->image_id, image.id);
    EXPECT_TRUE(engine_->images.find(image.id));
    EXPECT_EQ(source_.fetches(), 2);
    EXPECT_EQ(remove_image(*engine_, image.id, of_catalogue, operation_).error().code, Code::busy);
}

}  // namespace
}  // namespace banger::lifecycle
