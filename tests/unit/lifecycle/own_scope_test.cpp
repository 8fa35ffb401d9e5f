// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/own_scope.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "core/base/control_group.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Says of each handle what it has by its key.
class FakeOperations final : public handles::Operations {
public:
    sdk::Result<void> release(const sdk::Handle& /*handle*/) override { return {}; }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        ++asked;
        const auto found = facts.find(handle.key);
        return found == facts.end() ? sdk::Inspection{} : sdk::Inspection{true, found->second};
    }
    handles::Listing list(sdk::Call* /*call*/) override { return {}; }
    sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& /*owner*/) override { return std::vector<sdk::Handle>(); }

    std::map<std::string, sdk::Fields> facts;
    int asked = 0;
};

class OwnScopeTest : public ::testing::Test {
protected:
    OwnScopeTest() : vmm_(start()), carrier_(start()) {}
    ~OwnScopeTest() override
    {
        vmm_.end_group();
        carrier_.end_group();
    }
    static sdk::os::Child start()
    {
        sdk::os::Command command;
        command.argv = {"sleep", "1000"};
        auto child = sdk::os::spawn(command);
        EXPECT_TRUE(child);
        return std::move(*child);
    }
    static handles::Entry entry(const std::string& key, const sdk::Fields& bound)
    {
        return {{"kind/0", "any", key, {"0123abcd", "0123456789ab", {}}, bound}, true};
    }
    static std::string text(const sdk::os::Child& child) { return std::to_string(child.id().pid); }

    sdk::os::Child vmm_;
    sdk::os::Child carrier_;
    FakeOperations operations_;
    std::string ours_ = base::group_of(::getpid()).value_or("");
};

TEST_F(OwnScopeTest, AllThatHandlesNameIsFoundOnce)
{
    auto logger = start();
    operations_.facts = {{"process", {{"pid", text(vmm_)}}},
                         {"link", {{"pid", text(carrier_)}, {"pids", text(carrier_) + " " + text(vmm_)}}}};
    const std::vector held{entry("root", {{"dm_name", "x"}}), entry("link", {{"pid", text(carrier_)}}),
                           entry("process", {{"pid", text(vmm_)}, {"pids", text(logger)}})};
    EXPECT_THAT(processes_in_group(ours_, held, operations_),
                UnorderedElementsAre(vmm_.id(), carrier_.id(), logger.id()));
    logger.end_group();
    EXPECT_EQ(operations_.asked, 2) << "a disk has no process";
}

TEST_F(OwnScopeTest, WhatIsElsewhereStaysThere)
{
    operations_.facts = {{"process", {{"pid", text(vmm_)}}}};
    EXPECT_THAT(processes_in_group(ours_ + "/other", {entry("process", {{"pid", text(vmm_)}})}, operations_), IsEmpty());
}

TEST_F(OwnScopeTest, WhatIsNotThereIsLeftOut)
{
    operations_.facts = {{"link", {{"pid", text(carrier_)}}}};
    carrier_.end_group();
    const std::vector held{entry("process", {{"pid", text(vmm_)}}), entry("link", {{"pid", text(carrier_)}})};
    EXPECT_THAT(processes_in_group(ours_, held, operations_), IsEmpty());
}

}  // namespace
}  // namespace banger::lifecycle
