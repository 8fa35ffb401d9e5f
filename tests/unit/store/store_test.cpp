// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/store/vm_store.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::store {
namespace {

class StoreTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_TRUE(sdk::os::make_private_directory(vms()));
    }

    [[nodiscard]] std::string database() const { return directory_ + "/banger.db"; }
    [[nodiscard]] std::string vms() const { return directory_ + "/vms"; }

    static model::VmRecord vm(const std::string& id, const std::string& name)
    {
        model::VmRecord record;
        record.id = id;
        record.name = name;
        record.environment = {{"A", "one\ntwo \"three\""}};
        record.memory_mib = 512;
        return record;
    }

    void reserve_with_directory(VmStore& store, const model::VmRecord& record)
    {
        ASSERT_TRUE(store.reserve(record));
        ASSERT_TRUE(sdk::os::make_private_directory(vms() + "/" + record.id));
        ASSERT_TRUE(store.update(record));
    }

    sdk::testing::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
};

TEST_F(StoreTest, KeepsARecordAndACopyBesideTheDisks)
{
    {
        VmStore store(database(), vms());
        reserve_with_directory(store, vm("aaaaaaaaaaaa", "web"));
    }
    VmStore reopened(database(), vms());
    auto found = reopened.find("web");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->environment.at("A"), "one\ntwo \"three\"");
    auto copy = reopened.read_copy("aaaaaaaaaaaa");
    ASSERT_TRUE(copy) << copy.error().message;
    EXPECT_EQ(model::to_json(*copy).text(), model::to_json(*found).text());
}

TEST_F(StoreTest, ARecordOlderThanProvisioningIsOfAVmThatNeedsNone)
{
    auto record = vm("aaaaaaaaaaaa", "web");
    auto fresh = model::record_from_json(model::to_json(record).value());
    ASSERT_TRUE(fresh);
    EXPECT_FALSE(fresh->provisioned);
    record.provisioned = true;
    EXPECT_TRUE(model::record_from_json(model::to_json(record).value())->provisioned);
    const std::string text = model::to_json(record).text();
    const std::string member = ",\"provisioned\":true";
    const auto at = text.find(member);
    ASSERT_NE(at, std::string::npos) << text;
    auto old = json::parse_object(text.substr(0, at) + text.substr(at + member.size()), "record");
    ASSERT_TRUE(old);
    EXPECT_TRUE(model::record_from_json(*old)->provisioned);
}

TEST_F(StoreTest, ReservesANameOnce)
{
    VmStore store(database(), vms());
    ASSERT_TRUE(store.reserve(vm("aaaaaaaaaaaa", "web")));
    auto again = store.reserve(vm("bbbbbbbbbbbb", "web"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, sdk::Code::exists);
    EXPECT_NE(again.error().message.find("'web'"), std::string::npos);
}

TEST_F(StoreTest, FindsByNameIdAndUnambiguousPrefix)
{
    VmStore store(database(), vms());
    ASSERT_TRUE(store.reserve(vm("abc000000000", "one")));
    ASSERT_TRUE(store.reserve(vm("abc111111111", "two")));
    EXPECT_EQ(store.find("one")->id, "abc000000000");
    EXPECT_EQ(store.find("abc111111111")->name, "two");
    EXPECT_EQ(store.find("abc1")->name, "two");
    EXPECT_EQ(store.find("abc").error().code, sdk::Code::invalid);
    EXPECT_EQ(store.find("ab").error().code, sdk::Code::not_found);
    EXPECT_NE(store.find("ab").error().hint.find("at least 3 digits"), std::string::npos);
    EXPECT_EQ(store.find("xy").error().hint.find("digits"), std::string::npos);
    EXPECT_NE(store.find("onw").error().hint.find("'one'"), std::string::npos);
}

TEST_F(StoreTest, AnIdMeansItsVmWhateverOthersAreNamed)
{
    VmStore store(database(), vms());
    ASSERT_TRUE(store.reserve(vm("abc000000000", "zebra")));
    ASSERT_TRUE(store.reserve(vm("def111111111", "abc000000000")));  // of an earlier banger, which allowed it
    ASSERT_TRUE(store.reserve(vm("eee222222222", "abc0")));
    EXPECT_EQ(store.find("abc000000000")->name, "zebra");
    EXPECT_EQ(store.find("abc0")->id, "eee222222222") << "a name before a prefix";
    EXPECT_EQ(store.find_id("abc000000000")->name, "zebra");
    ASSERT_TRUE(store.remove("abc000000000"));
    EXPECT_EQ(store.find_id("abc000000000").error().code, sdk::Code::not_found);
    EXPECT_EQ(store.find_id("zebra").error().code, sdk::Code::not_found);
}

TEST_F(StoreTest, UpdateOfNothingIsNotFound)
{
    VmStore store(database(), vms());
    EXPECT_EQ(store.update(vm("aaaaaaaaaaaa", "web")).error().code, sdk::Code::not_found);
}

TEST_F(StoreTest, ADamagedDatabaseSaysSoAndIsReplacedOnlyOnRequest)
{
    const std::string rubbish(8192, 'x');
    ASSERT_TRUE(sdk::os::write_file_atomic(database(), rubbish));
    VmStore store(database(), vms());
    ASSERT_FALSE(store.health());
    EXPECT_EQ(store.health().error().code, sdk::Code::corrupt);
    EXPECT_EQ(store.list().error().code, sdk::Code::corrupt);
    EXPECT_EQ(*sdk::os::read_file(database()), rubbish) << "touched without being asked to";

    auto aside = store.replace_database();
    ASSERT_TRUE(aside) << aside.error().message;
    EXPECT_EQ(*sdk::os::read_file(*aside), rubbish);
    ASSERT_TRUE(store.health());
    EXPECT_TRUE(store.list()->empty());
}

TEST_F(StoreTest, ADatabaseOfANewerBangerIsRefused)
{
    {
        auto newer = Database::open(database());
        ASSERT_TRUE(newer);
        ASSERT_TRUE((*newer)->execute("PRAGMA user_version = 999"));
    }
    VmStore store(database(), vms());
    ASSERT_FALSE(store.health());
    EXPECT_EQ(store.health().error().code, sdk::Code::precondition);
}

TEST_F(StoreTest, EveryConnectionHasThePragmas)
{
    for (int connection = 0; connection < 2; ++connection) {
        auto open = Database::open(database());
        ASSERT_TRUE(open);
        Statement mode((*open)->raw(), "PRAGMA journal_mode");
        ASSERT_TRUE(*mode.step());
        EXPECT_EQ(mode.text(0), "wal");
        Statement keys((*open)->raw(), "PRAGMA foreign_keys");
        ASSERT_TRUE(*keys.step());
        EXPECT_EQ(keys.number(0), 1);
    }
}

TEST_F(StoreTest, AFailedTransactionLeavesNothing)
{
    auto open = Database::open(database());
    ASSERT_TRUE(open);
    auto failed = (*open)->transaction([&]() -> sdk::Result<void> {
        auto made = (*open)->execute("INSERT INTO vms (id, name, record) VALUES ('a', 'b', 'c')");
        EXPECT_TRUE(made);
        return sdk::make_error(sdk::Code::internal, "no");
    });
    EXPECT_FALSE(failed);
    Statement count((*open)->raw(), "SELECT count(*) FROM vms");
    ASSERT_TRUE(*count.step());
    EXPECT_EQ(count.number(0), 0);
}

TEST_F(StoreTest, AMigrationThatFailsInTheMiddleLeavesTheDatabaseAsItWas)
{
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, "CREATE TABLE spans (mine TEXT)", nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_FALSE(Database::open(database()));
    {
        Statement version(raw, "PRAGMA user_version");
        ASSERT_TRUE(*version.step());
        EXPECT_EQ(version.number(0), 0);
        Statement tables(raw, "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'");
        ASSERT_TRUE(*tables.step());
        EXPECT_EQ(tables.text(0), "spans") << "what came before the failure is not undone";
    }
    sqlite3_close(raw);
}

TEST_F(StoreTest, RecordsOperationsWithTheirSpans)
{
    VmStore store(database(), vms());
    ASSERT_TRUE(store.record({"vm.start", "aaaaaaaaaaaa", 1000, 500, "ok", {{"boot", 10, 400}, {"attach", 0, 10}}}));
    auto operations = store.operations("aaaaaaaaaaaa", 10);
    ASSERT_TRUE(operations);
    ASSERT_EQ(operations->size(), 1U);
    EXPECT_EQ(operations->front().verb, "vm.start");
    ASSERT_EQ(operations->front().spans.size(), 2U);
    EXPECT_EQ(operations->front().spans[0].name, "attach");
    EXPECT_EQ(operations->front().spans[1].duration_us, 400);
}

TEST_F(StoreTest, ATornCopyIsCorrupt)
{
    VmStore store(database(), vms());
    reserve_with_directory(store, vm("aaaaaaaaaaaa", "web"));
    ASSERT_TRUE(sdk::os::write_file_atomic(vms() + "/aaaaaaaaaaaa/record.json", "{\"id\": \"aaaa"));
    EXPECT_EQ(store.read_copy("aaaaaaaaaaaa").error().code, sdk::Code::corrupt);
}

}  // namespace
}  // namespace banger::store
