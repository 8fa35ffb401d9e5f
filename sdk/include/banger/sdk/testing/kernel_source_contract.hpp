// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "banger/sdk/kernel_source.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/source_world.hpp"

namespace banger::sdk::testing {

/// A kernel/0 provider for the contract.
struct KernelSourceUnderTest {
    std::string name;  ///< what tests are called after
    std::function<std::unique_ptr<KernelSource>(Host&)> open;
    std::string recipe;                                        ///< of a kernel that can be got here
    std::vector<std::string> bad_recipes;                      ///< besides those that are bad for everybody
    std::function<std::string()> why_not = [] { return ""; };  ///< why it cannot be tested here; empty if it can
};

inline std::ostream& operator<<(std::ostream& out, const KernelSourceUnderTest& source)
{
    return out << source.name;
}

/// What every kernel/0 provider promises. Instantiate for each provider and each fake.
class KernelSourceContract : public ::testing::TestWithParam<KernelSourceUnderTest> {
protected:
    void SetUp() override
    {
        if (const std::string reason = GetParam().why_not(); !reason.empty())
            GTEST_SKIP() << reason;
        source = GetParam().open(host);
        ASSERT_NE(source, nullptr);
        ASSERT_TRUE(os::make_private_directory(directory()));
    }

    [[nodiscard]] std::string directory() const { return host.directory() + "/request"; }
    Result<KernelBundle> fetch(const std::string& recipe, Call& call)
    {
        return source->fetch({"contract", recipe, directory()}, call);
    }

    FakeHost host;
    std::unique_ptr<KernelSource> source;
};

TEST_P(KernelSourceContract, ProbeSaysItCanWork)
{
    FakeCall call;
    const auto probe = source->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
}

TEST_P(KernelSourceContract, FetchLeavesAKernelAndItsModulesAndNothingElse)
{
    FakeCall call;
    const auto bundle = fetch(GetParam().recipe, call);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_FALSE(bundle->version.empty());
    const auto vmlinux = os::read_file(directory() + "/" + bundle->vmlinux, std::size_t{1} << 30U);
    ASSERT_TRUE(vmlinux) << vmlinux.error().message;
    EXPECT_EQ(vmlinux->substr(0, 5), "\177ELF\2") << "a 64-bit ELF file, elf(5)";

    std::vector<std::string> expected{bundle->vmlinux};
    if (!bundle->modules.empty()) {
        expected.push_back(bundle->modules);
        const std::string modules = directory() + "/" + bundle->modules;
        EXPECT_EQ(*os::list_directory(modules), std::vector<std::string>{bundle->version});
        EXPECT_TRUE(os::exists(modules + "/" + bundle->version + "/modules.dep"));
    }
    for (const auto& file : {bundle->configuration, bundle->modules_disk})
        if (!file.empty())
            expected.push_back(file);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(*os::list_directory(directory()), expected);
    expect_nothing_left(directory());
}

TEST_P(KernelSourceContract, ABadRecipeIsRefusedBeforeAnythingIsDone)
{
    auto recipes = GetParam().bad_recipes;
    recipes.insert(recipes.end(), {"", "no JSON", "[]", R"({"nobody_knows_this_key": 1})"});
    for (const auto& recipe : recipes) {
        FakeCall call;
        const auto bundle = fetch(recipe, call);
        ASSERT_FALSE(bundle) << recipe;
        EXPECT_EQ(to_string(bundle.error().code), "invalid") << bundle.error().message;
        EXPECT_TRUE(os::list_directory(directory())->empty());
    }
}

TEST_P(KernelSourceContract, ACallCancelledAtAnyPointLeavesNothing)
{
    for (std::size_t report = 0; report <= 2; ++report) {
        CallCancelledAt call(report);
        if (report == 0)
            call.cancel();
        ASSERT_TRUE(os::make_private_directory(directory()));
        const auto bundle = fetch(GetParam().recipe, call);
        ASSERT_FALSE(bundle) << "cancelled at report " << report;
        EXPECT_EQ(to_string(bundle.error().code), "cancelled") << bundle.error().message;
        expect_nothing_left(directory());
    }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KernelSourceContract);

}  // namespace banger::sdk::testing
