// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/provider_operations.hpp"

#include <gmock/gmock.h>

#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

class ProviderOperationsTest : public EngineWorld {
protected:
    ProviderOperationsTest() : EngineWorld({"fakes", "good"}) {}

    /// A freeze under way, by a provider that banger knows nothing of.
    sdk::Handle begin_freeze(const std::string& id)
    {
        const std::string image = directory_.path() + "/image";
        EXPECT_TRUE(sdk::os::write_file_atomic(image, "image"));
        const sdk::DiskSpec disk{owner_of(id), "root", {image, 5, "raw"}, 4096, "disk:raw"};
        EXPECT_TRUE(provider<sdk::Storage>("fake")->create(disk, call_));
        auto begun = provider<sdk::StorageFork>("fake")->attach({disk, directory_.path() + "/layer"}, call_);
        EXPECT_TRUE(begun) << begun.error().message;
        return begun ? begun->handle : sdk::Handle{};
    }
};

TEST_F(ProviderOperationsTest, AFreezeIsFoundThoughNoJournalNamesWhoMadeIt)
{
    const auto vm = add("0123456789ab", "fake", "fake");
    const auto freeze = begin_freeze(vm.id);
    const std::string journal = owner_of(vm.id).directory + "/handles.json";
    ASSERT_TRUE(sdk::os::write_file_atomic(journal, R"({"torn)"));
    const auto is_it = [&](const sdk::Handle& handle) {
        return handle.kind == freeze.kind && handle.provider == freeze.provider && handle.key == freeze.key &&
               handle.owner.vm == vm.id;
    };
    const auto listing = operations_->list(nullptr);
    EXPECT_THAT(listing.unasked, ::testing::IsEmpty());
    EXPECT_THAT(listing.handles, ::testing::Contains(::testing::Truly(is_it)));
    const auto engine = fresh();
    auto filled = engine->journal_of(vm.id);
    ASSERT_TRUE(filled) << filled.error().message;
    EXPECT_EQ(filled->found(), handles::Found::torn);
    ASSERT_EQ(filled->entries().size(), 1U);
    EXPECT_TRUE(is_it(filled->entries()[0].handle));
    EXPECT_TRUE(filled->release_all().empty());
    EXPECT_FALSE(provider<sdk::StorageFork>("fake")->inspect(freeze)->present);
}

TEST_F(ProviderOperationsTest, AStorageThatFreezesNothingIsNotAskedForFreezes)
{
    const auto vm = add("0123456789ab", "fake", "good");
    const auto held = operations_->list_of(owner_of(vm.id));
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_TRUE(held->empty());
}

}  // namespace
}  // namespace banger::lifecycle
