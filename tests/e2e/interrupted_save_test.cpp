// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A daemon that dies in the middle of a save. What it had done by then is done here, by its providers.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/handles/journal.hpp"
#include "file_fork.hpp"
#include "monitor.hpp"
#include "qemu_snapshot.hpp"
#include "qemu_start.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

/// Nothing is asked while the journal is sound.
class NoOperations : public handles::Operations {
public:
    sdk::Result<void> release(const sdk::Handle& /*handle*/) override { return {}; }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& /*handle*/) override { return sdk::Inspection{}; }
    handles::Listing list(sdk::Call* /*call*/) override { return {}; }
    sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& /*owner*/) override
    {
        return std::vector<sdk::Handle>{};
    }
};

/// What the daemon that is dead worked with. There must be none.
class DeadDaemon {
public:
    DeadDaemon(const Installation& host, const std::string& vm_id)
        : owner({host.instance(), vm_id, host.vms() + "/" + vm_id}), fork(file::make_storage_fork(host_))
    {
        auto opened = handles::HandleJournal::open(owner, operations_, cache_);
        auto made = qemu::make_snapshot(host_, "{}");
        EXPECT_TRUE(opened && made);
        journal = std::move(*opened);
        snapshot = std::move(*made);
    }

    sdk::Handle vmm() const { return handle_of("vmm/0"); }
    sdk::Handle handle_of(const std::string& kind) const
    {
        for (const auto& entry : journal->entries())
            if (entry.handle.kind == kind)
                return entry.handle;
        return {};
    }
    /// The instant, for the one disk of it: the machine moves to its new top, or stands while it is cloned.
    void reach_the_instant(const sdk::Attached<sdk::Freeze>& freeze) const
    {
        if (freeze.value.top) {
            EXPECT_TRUE(snapshot->swap_disks(vmm(), {*freeze.value.top}));
        } else {
            EXPECT_TRUE(fork->commit(freeze.handle));
        }
    }
    sdk::Attached<sdk::Freeze> begin_freeze(const std::string& role, const std::string& layer)
    {
        const sdk::FreezeSpec spec{{owner, role, {}, 0, {}}, layer};
        const auto plan = fork->plan(spec);
        EXPECT_TRUE(plan && journal->note_planned(plan->at(0)));
        auto begun = fork->attach(spec, call);
        EXPECT_TRUE(begun) << begun.error().message;
        EXPECT_TRUE(begun && journal->note_bound(begun->handle));
        return begun ? *begun : sdk::Attached<sdk::Freeze>{};
    }

private:
    sdk::testing::FakeHost host_;
    NoOperations operations_;
    handles::JournalCache cache_;

public:
    const sdk::Owner owner;
    sdk::testing::FakeCall call;
    std::optional<handles::HandleJournal> journal;
    std::unique_ptr<sdk::VmmSnapshot> snapshot;
    std::unique_ptr<sdk::StorageFork> fork;
};

bool has_freeze(const sdk::Owner& owner)
{
    const auto journal = handles::read_journal(owner);
    return std::any_of(journal.entries.begin(), journal.entries.end(),
                       [](const auto& entry) { return entry.handle.kind == "storage.fork/0"; });
}

// What ctest says of the file system under the homes: `raw` where files can be cloned. Nothing: whatever it is.
bool is_demanded_form(const sdk::Freeze& freeze)
{
    const char* demanded = std::getenv("BANGER_TEST_DISKS");
    return demanded == nullptr || std::string(demanded) == (freeze.top ? "qcow2" : "raw");
}

TEST(InterruptedSave, AMachineThatASaveLeftStandingGoesOnAndItsFreezesAreEnded)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto id = shown(host, "a", "id");
    const auto pid = pid_of(host, "a");
    for (const bool reached : {false, true}) {
        ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo one >>/root/f; sync"}).status, 0);
        host.kill_daemon();
        const std::string name = reached ? "reached" : "not-reached";
        const std::string layer = host.home() + "/layer-" + name;
        const std::string save = host.home() + "/save-" + name;
        ASSERT_TRUE(sdk::os::make_private_directory(save));
        {
            DeadDaemon dead(host, id);
            const auto freeze = dead.begin_freeze("work", layer);
            ASSERT_TRUE(is_demanded_form(freeze.value));
            ASSERT_TRUE(dead.snapshot->begin_save(dead.vmm(), {save, {}}, dead.call));
            if (reached)
                dead.reach_the_instant(freeze);
            EXPECT_TRUE(has_freeze(dead.owner));
        }
        const auto lines =
            host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo two >>/root/f; sync; wc -l </root/f"});
        EXPECT_EQ(lines.out, reached ? "4\n" : "2\n") << lines.err;
        EXPECT_EQ(shown(host, "a", "state"), "running");
        EXPECT_EQ(pid_of(host, "a"), pid);
        EXPECT_FALSE(has_freeze({host.instance(), id, host.vms() + "/" + id}));
        EXPECT_EQ(sdk::os::exists(layer), reached) << "frozen, or as if never frozen";
        expect_clean(host);
    }
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "wc -l </root/f"}).out, "4\n");
}

TEST(InterruptedSave, ASaveThatNobodyWaitsForStopsNoMachineLater)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    const auto id = shown(host, "a", "id");
    host.kill_daemon();
    const DeadDaemon dead(host, id);
    const auto output = sdk::os::open_file(host.home() + "/save", O_WRONLY | O_CREAT);
    ASSERT_TRUE(output);
    const auto monitor = [&] { return std::move(*qemu::Monitor::of(qemu::qemu_process(), dead.vmm())); };
    {
        auto saving = monitor();
        ASSERT_TRUE(saving.tell("migrate-set-parameters", R"({"max-bandwidth":65536,"downtime-limit":0})"));
        ASSERT_TRUE(saving.give(output->get(), "save"));
        ASSERT_TRUE(saving.tell("migrate", R"({"uri":"fd:save"})"));
        ASSERT_TRUE(saving.migration()->under_way());
        ASSERT_TRUE(*saving.runs());
    }
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    auto after = monitor();
    EXPECT_FALSE(after.migration()->under_way());
    EXPECT_TRUE(*after.runs());
}

}  // namespace
}  // namespace banger::e2e
