// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/handles/journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/base/fault.hpp"
#include "core/handles/audit.hpp"

namespace banger::handles {
namespace {

/// A host whose objects are a list; what is in `stuck` will not go.
class FakeHostObjects : public Operations {
public:
    sdk::Result<void> release(const sdk::Handle& handle) override
    {
        order.push_back(handle.key);
        if (std::find(stuck.begin(), stuck.end(), handle.key) != stuck.end())
            return sdk::make_error(sdk::Code::busy, handle.key + " is stuck");
        std::erase_if(live, [&](const sdk::Handle& one) { return one.key == handle.key; });
        return {};
    }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        const bool present =
            std::any_of(live.begin(), live.end(), [&](const sdk::Handle& one) { return one.key == handle.key; });
        return sdk::Inspection{present, {}};
    }
    Listing list(sdk::Call* /*call*/) override { return {live, {}}; }
    sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& owner) override
    {
        std::vector<sdk::Handle> its;
        std::copy_if(live.begin(), live.end(), std::back_inserter(its), [&](const sdk::Handle& one) {
            return one.owner.vm == owner.vm && one.owner.instance == owner.instance;
        });
        return its;
    }

    std::vector<sdk::Handle> live;
    std::vector<std::string> stuck;
    std::vector<std::string> order;
};

class JournalTest : public ::testing::Test {
protected:
    [[nodiscard]] sdk::Handle handle(const std::string& kind, const std::string& key, sdk::Fields bound = {}) const
    {
        return {kind, "fake", key, owner_, std::move(bound)};
    }
    [[nodiscard]] std::string path() const { return owner_.directory + "/handles.json"; }

    sdk::testing::TemporaryDirectory directory_;
    const sdk::Owner owner_{"11111111", "aaaaaaaaaaaa", directory_.path()};
    FakeHostObjects host_;
    JournalCache cache_;
};

TEST_F(JournalTest, RoundTrips)
{
    {
        auto journal = HandleJournal::open(owner_, host_, cache_);
        ASSERT_TRUE(journal);
        ASSERT_TRUE(journal->note_planned(handle("network/0", "link")));
        ASSERT_TRUE(journal->note_bound(handle("network/0", "link", {{"pid", "7"}, {"odd", "a\n\"b\""}})));
        ASSERT_TRUE(journal->note_planned(handle("vmm/0", "process")));
    }
    JournalCache of_the_next_daemon;
    auto journal = HandleJournal::open(owner_, host_, of_the_next_daemon);
    ASSERT_TRUE(journal);
    EXPECT_EQ(journal->found(), Found::sound);
    ASSERT_EQ(journal->entries().size(), 2U);
    EXPECT_TRUE(journal->entries()[0].bound);
    EXPECT_EQ(journal->entries()[0].handle.bound.at("odd"), "a\n\"b\"");
    EXPECT_FALSE(journal->entries()[1].bound);
    EXPECT_EQ(journal->entries()[1].handle.owner.vm, "aaaaaaaaaaaa");
}

TEST_F(JournalTest, OneThatIsBegunIsEmptyOnFileSoThatNobodyIsAskedWhatThereIs)
{
    host_.live = {handle("vmm/0", "machine")};  // which would be told
    ASSERT_TRUE(HandleJournal::begin(owner_, host_, cache_));
    JournalCache later;
    EXPECT_EQ(later.read(owner_).found, Found::sound);
    const auto journal = HandleJournal::open(owner_, host_, later);
    ASSERT_TRUE(journal);
    EXPECT_TRUE(journal->entries().empty());
}

TEST_F(JournalTest, ReleasesNewestFirstToTheEndAndKeepsWhatWouldNotGo)
{
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    for (const char* key : {"one", "two", "three"}) {
        host_.live.push_back(handle("storage/0", key));
        ASSERT_TRUE(journal->note_bound(handle("storage/0", key)));
    }
    host_.stuck = {"two"};
    const auto left = journal->release_all();
    EXPECT_EQ(cache_.read(owner_).entries.size(), 1U);
    EXPECT_EQ(host_.order, (std::vector<std::string>{"three", "two", "one"}));
    ASSERT_EQ(left.size(), 1U);
    JournalCache of_the_next_daemon;
    auto reopened = HandleJournal::open(owner_, host_, of_the_next_daemon);
    ASSERT_TRUE(reopened);
    ASSERT_EQ(reopened->entries().size(), 1U);
    EXPECT_EQ(reopened->entries()[0].handle.key, "two");
}

TEST_F(JournalTest, FailRollsBackAndSaysWhatIsLeft)
{
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note_bound(handle("network/0", "link")));
    host_.stuck = {"link"};
    const auto error = journal->fail(sdk::make_error(sdk::Code::internal, "boom"), "boot");
    EXPECT_EQ(error.message, "boom");
    ASSERT_EQ(error.during.size(), 2U);
    EXPECT_EQ(error.during[0], "boot");
    EXPECT_EQ(error.during[1], "left behind: link is stuck");
}

TEST_F(JournalTest, AMissingOrTornFileIsFilledFromTheHostWithTheVmmOnTop)
{
    host_.live = {handle("vmm/0", "process", {{"pid", "9"}}), handle("network/0", "link", {{"pid", "8"}})};
    auto stranger = handle("vmm/0", "process");
    stranger.owner.vm = "bbbbbbbbbbbb";
    host_.live.push_back(stranger);
    for (const bool torn : {false, true}) {
        if (torn) {
            ASSERT_TRUE(sdk::os::write_file_atomic(path(), "{\"version\":1,\"handles\":[{\"kin"));
        }
        auto journal = HandleJournal::open(owner_, host_, cache_);
        ASSERT_TRUE(journal);
        EXPECT_EQ(journal->found(), torn ? Found::torn : Found::missing);
        ASSERT_EQ(journal->entries().size(), 2U);
        EXPECT_EQ(journal->entries()[0].handle.kind, "network/0");
        EXPECT_EQ(journal->entries()[1].handle.bound.at("pid"), "9");
    }
}

TEST_F(JournalTest, WhatWasBoundInAnEarlierBootOfTheHostIsForgottenButNotItsKey)
{
    ASSERT_TRUE(sdk::os::write_file_atomic(
        path(), R"({"version":1,"boot_id":"another","handles":[{"kind":"vmm/0","provider":"fake","key":"process",)"
                R"("state":"bound","bound":{"pid":"1"}}]})"));
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    EXPECT_EQ(journal->found(), Found::stale);
    ASSERT_EQ(journal->entries().size(), 1U);
    EXPECT_TRUE(journal->entries()[0].handle.bound.empty());
}

TEST_F(JournalTest, WhatWasBoundStaysInHandWhenItsNoteCannotBeWritten)
{
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note_planned(handle("network/0", "link")));
    {
        const base::fault::Armed armed({base::fault::Action::error, 1, "journal write"});
        EXPECT_FALSE(journal->note_bound(handle("network/0", "link", {{"pid", "5"}})));
    }
    ASSERT_EQ(journal->entries().size(), 1U);
    EXPECT_EQ(journal->entries()[0].handle.bound.at("pid"), "5");
}

TEST_F(JournalTest, ManyAreNotedAtOnceOrNotAtAll)
{
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note_all_planned({}));
    EXPECT_FALSE(sdk::os::exists(path())) << "nobody waits for a write of nothing";
    const std::vector<sdk::Handle> planned{handle("network/0", "link"), handle("storage/0", "root")};
    base::fault::arm({base::fault::Action::error, 1, "journal write"});
    EXPECT_FALSE(journal->note_all_planned(planned));
    base::fault::disarm();
    EXPECT_TRUE(journal->entries().empty());
    ASSERT_TRUE(journal->note_all_planned(planned));
    base::fault::arm({base::fault::Action::error, 1, "journal write"});
    EXPECT_FALSE(journal->note_all_bound({handle("network/0", "link", {{"pid", "5"}}), handle("storage/0", "root")}));
    base::fault::disarm();
    EXPECT_TRUE(journal->entries()[0].bound && journal->entries()[1].bound) << "they exist";
    EXPECT_FALSE(read_journal(owner_).entries[0].bound);
    EXPECT_TRUE(journal->release_all().empty());
    EXPECT_EQ(host_.order, (std::vector<std::string>{"root", "link"}));
}

TEST_F(JournalTest, MemoryIsNeverAheadOfTheFile)
{
    auto journal = HandleJournal::open(owner_, host_, cache_);
    ASSERT_TRUE(journal);
    ASSERT_TRUE(journal->note_planned(handle("network/0", "link")));
    {
        const base::fault::Armed armed({base::fault::Action::error, 1, "journal write"});
        EXPECT_FALSE(journal->note_planned(handle("vmm/0", "process")));
    }
    EXPECT_EQ(cache_.read(owner_).entries.size(), 1U);
    cache_.forget(owner_.vm);
    EXPECT_EQ(cache_.read(owner_).entries.size(), 1U) << "read from the file again";
    ASSERT_TRUE(sdk::os::remove_file(path()));
    cache_.forget(owner_.vm);
    EXPECT_EQ(cache_.read(owner_).found, Found::missing);
    EXPECT_EQ(cache_.read(owner_).found, Found::missing) << "what is missing is looked for each time";
}

TEST_F(JournalTest, ManyReadWhileEachVmIsWritten)
{
    constexpr int vms = 4;
    constexpr std::size_t notes = 25;
    std::vector<sdk::Owner> owners;
    for (int i = 0; i < vms; ++i) {
        owners.push_back({owner_.instance, "vm" + std::to_string(i), owner_.directory + "/" + std::to_string(i)});
        ASSERT_TRUE(sdk::os::make_private_directory(owners.back().directory));
    }
    std::atomic<int> unfinished = vms;
    std::atomic<bool> sound = true;
    std::vector<std::jthread> threads;
    for (const auto& owner : owners)
        threads.emplace_back([&, owner] {
            auto journal = HandleJournal::open(owner, host_, cache_);
            for (std::size_t n = 1; journal && n <= notes; ++n) {
                sdk::Handle one{"network/0", "fake", "key" + std::to_string(n), owner, {}};
                if (!journal->note_planned(one) || cache_.read(owner).entries.size() != n)
                    sound = false;
            }
            --unfinished;
        });
    for (int reader = 0; reader < 3; ++reader)
        threads.emplace_back([&] {
            std::vector<std::size_t> seen(vms);
            while (unfinished > 0)
                for (int i = 0; i < vms; ++i) {
                    const auto text = cache_.read(owners[i]);
                    if (text.entries.size() < seen[i] || text.found == Found::torn)
                        sound = false;
                    seen[i] = text.entries.size();
                }
        });
    threads.clear();
    EXPECT_TRUE(sound);
    for (const auto& owner : owners) {
        EXPECT_EQ(cache_.read(owner).entries.size(), notes);
        EXPECT_EQ(read_journal(owner).entries.size(), notes);
    }
}

TEST_F(JournalTest, AuditComparesBothWays)
{
    Evidence evidence;
    evidence.live = {handle("network/0", "claimed"), handle("network/0", "unclaimed")};
    host_.live = evidence.live;
    VmEvidence vm;
    vm.owner = owner_;
    vm.name = "web";
    vm.has_row = true;
    vm.has_directory = true;
    vm.journal = {Found::sound, {{handle("network/0", "claimed"), true}, {handle("vmm/0", "gone"), true}}};
    evidence.vms = {vm};
    const auto findings = compare(evidence, host_);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].kind, Finding::Kind::missing_object);
    EXPECT_EQ(findings[0].handle.key, "gone");
    EXPECT_EQ(findings[1].kind, Finding::Kind::unclaimed_object);
    EXPECT_EQ(findings[1].handle.key, "unclaimed");

    evidence.vms[0].in_transition = true;
    EXPECT_TRUE(compare(evidence, host_).empty()) << "an operation is under way: no judgement";
}

TEST_F(JournalTest, AuditNeverOffersToRemoveFilesThatMayHoldData)
{
    Evidence evidence;
    VmEvidence lost;
    lost.owner = owner_;
    lost.has_directory = true;
    evidence.vms = {lost};
    evidence.unknown_files = {"/somewhere/notes.txt"};
    const auto findings = compare(evidence, host_);
    ASSERT_EQ(findings.size(), 2U);
    for (const auto& finding : findings)
        EXPECT_FALSE(finding.repairable()) << finding.what;
}

}  // namespace
}  // namespace banger::handles
