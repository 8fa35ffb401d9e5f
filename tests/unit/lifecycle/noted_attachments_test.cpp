// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/noted_attachments.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NoOperations final : public handles::Operations {
public:
    sdk::Result<void> release(const sdk::Handle& /*handle*/) override { return {}; }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& /*handle*/) override { return sdk::Inspection{}; }
    handles::Listing list(sdk::Call* /*call*/) override { return {}; }
    sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& /*owner*/) override { return std::vector<sdk::Handle>(); }
};

// A provider whose specs are keys. Of those that begin with a question mark it holds nothing.
class Keys {
public:
    explicit Keys(sdk::Owner owner) : owner_(std::move(owner)) {}

    sdk::Result<std::vector<sdk::Handle>> plan(const std::string& key)
    {
        if (key.empty())
            return sdk::make_error(sdk::Code::invalid, "a key is not empty");
        return key.starts_with('?') ? std::vector<sdk::Handle>{} : std::vector{handle(key, {})};
    }
    sdk::Result<sdk::Attached<std::string>> attach(const std::string& key, sdk::Call& /*call*/)
    {
        on_attach(key);
        return sdk::Attached<std::string>{key, handle(key, {{"bound", "yes"}})};
    }

    std::function<void(const std::string&)> on_attach = [](const auto& /*key*/) {};

private:
    [[nodiscard]] sdk::Handle handle(const std::string& key, sdk::Fields bound) const
    {
        return {"storage/0", "keys", key, owner_, std::move(bound)};
    }
    sdk::Owner owner_;
};

class NotedAttachmentsTest : public ::testing::Test {
protected:
    // As its file says: "+" where it is bound.
    [[nodiscard]] std::vector<std::string> on_file() const
    {
        std::vector<std::string> all;
        for (const auto& entry : handles::read_journal(owner_).entries)
            all.push_back(entry.handle.key + (entry.bound ? "+" : ""));
        return all;
    }

    sdk::testing::TemporaryDirectory directory_;
    const sdk::Owner owner_{"11111111", "aaaaaaaaaaaa", directory_.path()};
    NoOperations operations_;
    handles::JournalCache cache_;
    handles::HandleJournal journal_ = *handles::HandleJournal::open(owner_, operations_, cache_);
    Operation operation_{"vm.start", nullptr};
    Keys keys_{owner_};
    NotedAttachments attachments_{journal_, operation_};
};

TEST_F(NotedAttachmentsTest, AllIsOnFileBeforeAnyExistsAndWhatWasBoundAfterwards)
{
    ASSERT_TRUE(attachments_.plan(keys_, std::string("root")));
    ASSERT_TRUE(attachments_.plan(keys_, std::string("work")));
    EXPECT_THAT(on_file(), IsEmpty());
    ASSERT_TRUE(attachments_.note_planned());
    keys_.on_attach = [&](const auto&) { EXPECT_THAT(on_file(), ElementsAre("root", "work")); };
    ASSERT_TRUE(attachments_.attach(keys_, std::string("root")));
    ASSERT_TRUE(attachments_.attach(keys_, std::string("work")));
    ASSERT_TRUE(attachments_.note_bound());
    EXPECT_THAT(on_file(), ElementsAre("root+", "work+"));
}

TEST_F(NotedAttachmentsTest, WhatHoldsNothingIsInNoNote)
{
    ASSERT_TRUE(attachments_.plan(keys_, std::string("?file")));
    ASSERT_TRUE(attachments_.plan(keys_, std::string("root")));
    ASSERT_TRUE(attachments_.note_planned());
    const auto file = attachments_.attach(keys_, std::string("?file"));
    const auto root = attachments_.attach(keys_, std::string("root"));
    ASSERT_TRUE(file && root);
    EXPECT_FALSE(attachments_.was_planned(file->handle));
    EXPECT_TRUE(attachments_.was_planned(root->handle));
    ASSERT_TRUE(attachments_.note_bound());
    EXPECT_THAT(on_file(), ElementsAre("root+"));
}

TEST_F(NotedAttachmentsTest, WhatCannotBePlannedAndWhoIsCancelledMakeNothing)
{
    keys_.on_attach = [](const auto& key) { ADD_FAILURE() << key; };
    EXPECT_EQ(attachments_.plan(keys_, std::string()).error().code, sdk::Code::invalid);
    ASSERT_TRUE(attachments_.plan(keys_, std::string("root")));
    ASSERT_TRUE(attachments_.note_planned());
    operation_.cancel();
    EXPECT_EQ(attachments_.attach(keys_, std::string("root")).error().code, sdk::Code::cancelled);
    EXPECT_THAT(on_file(), ElementsAre("root")) << "the caller rolls back";
}

}  // namespace
}  // namespace banger::lifecycle
