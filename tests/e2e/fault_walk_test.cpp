// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A verb with its n-th step failing, or the daemon killed there, for every n: afterwards a new daemon finds a world that
// agrees with its journals, and a neighbour that nobody touched. vmm-null and real storage; real guests at sampled n. Where
// the root helper serves, the same with the n-th step of the helper's (run-as run-with-helper, tests/lab/sets/privd-faults).
#include <gtest/gtest.h>

#include <csignal>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/armed_helper.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

struct Verb {
    const char* name;
    std::vector<std::string> prepare;  ///< run before, without faults; empty for none
    std::vector<std::string> walk;
    bool orphan = false;      ///< and then its VMM dies while no daemon looks
    bool carried_on = false;  ///< what fails of it is left to the next daemon
};

enum class Who { daemon, helper };

struct Walk {
    Verb verb;
    const char* mode;  ///< error or kill
    Who who;           ///< whose step fails, or who dies there
    const char* vmm;
    int stride;        ///< every n, or every stride-th
};

void PrintTo(const Walk& walk, std::ostream* out)
{
    *out << walk.verb.name << " " << walk.mode << (walk.who == Who::helper ? " of the helper " : " ") << walk.vmm;
}

class FaultWalk : public ::testing::TestWithParam<Walk> {
protected:
    void SetUp() override
    {
        if (by_helper() && !ArmedHelper::is_there())
            GTEST_SKIP() << "there is no root helper that could be armed: see tests/lab/sets/privd-faults";
    }

    static bool by_helper() { return GetParam().who == Who::helper; }

    // One run of the verb with a daemon that is armed from its first step, reconciling included, or with such a helper.
    static Called armed(const Installation& host, const std::string& plan, const std::vector<std::string>& verb)
    {
        CallOptions options;
        if (by_helper())
            ArmedHelper::arm(plan);
        else
            options.environment["BANGER_FAULT"] = plan;
        auto called = host.banger(verb, options);
        (void)host.banger({"audit"});  // returns when what the verb left to do behind its answer is done, or who did it died
        if (by_helper())
            ArmedHelper::stop();
        return called;
    }

    // How many steps the whole run has: counted by the daemon or helper, said in its log when it stops.
    static int count_steps(const Installation& host, const std::vector<std::string>& verb)
    {
        const std::string file = by_helper() ? ArmedHelper::log() : host.home() + "/run/bangerd.log";
        const auto said_before = sdk::os::read_file(file).value_or({}).size();
        const auto run = armed(host, "error:0", verb);
        EXPECT_EQ(run.status, 0) << run.err;
        if (!by_helper())
            host.stop_daemon();
        const std::string log = sdk::os::read_file(file).value_or({});
        const std::string marker = "fault points reached: ";
        const auto at = log.rfind(marker);
        if (at == std::string::npos || (by_helper() && at < said_before)) {
            ADD_FAILURE() << "nobody says how many steps there were";
            return 0;
        }
        return std::stoi(log.substr(at + marker.size()));
    }
};

// Once it was started, the record and the disks are of one length, and that is the old one or the new.
void expect_disks_as_recorded(const Installation& host, bool changed)
{
    const auto recorded = json::uint_or(host.json({"vm", "show", "walked"}), "disk_bytes");
    const auto looked = host.json({"vm", "stats", "--interval", "100ms", "walked"});
    for (const auto& disk : json::find(*json::find((*json::find(looked, "vms"))[0], "host"), "disks")->GetArray())
        EXPECT_EQ(json::uint_or(disk, "bytes"), recorded) << json::string_or(disk, "role");
    constexpr std::uint64_t gibibyte = 1U << 30U;
    EXPECT_TRUE(recorded == 6 * gibibyte || (!changed && recorded == 4 * gibibyte)) << recorded;
}

TEST_P(FaultWalk, LeavesAWorldThatAgrees)
{
    const Walk& walk = GetParam();
    const Installation host("\n[backends]\nvmm = \"" + std::string(walk.vmm) + "\"\n");
    const std::vector<std::string> create_neighbour{"vm", "create", "--name", "neighbour", "--ready", "agent"};
    auto neighbour = host.banger(create_neighbour);
    ASSERT_EQ(neighbour.status, 0) << neighbour.err;
    const auto neighbour_pid = pid_of(host, "neighbour");
    const auto prepare = [&] {
        if (!walk.verb.prepare.empty()) {
            auto prepared = host.banger(walk.verb.prepare);
            EXPECT_EQ(prepared.status, 0) << prepared.err;
        }
        const auto pid = walk.verb.orphan ? static_cast<pid_t>(pid_of(host, "walked")) : 0;
        if (!by_helper() || walk.verb.orphan)
            host.stop_daemon();
        if (auto vmm = sdk::os::identify(pid); pid != 0 && vmm) {
            EXPECT_TRUE(sdk::os::kill_and_wait(*vmm, SIGKILL, std::chrono::seconds(10)));
        }
    };
    const auto clear = [&] {
        host.banger({"vm", "delete", "-f", "walked"});
        EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 1U);
    };
    prepare();
    const int steps = count_steps(host, walk.verb.walk);
    ASSERT_GT(steps, by_helper() ? 1 : 4);
    clear();
    for (int n = 1; n <= steps + 1; n += walk.stride * sample_every()) {
        SCOPED_TRACE(std::string(walk.mode) + " at step " + std::to_string(n) + " of " + std::to_string(steps));
        prepare();
        auto run = armed(host, walk.mode + (":" + std::to_string(n)), walk.verb.walk);
        // A verb undoes what it did by itself, and leaves nothing to the next daemon; that one's own reconciling may.
        const bool daemon_lives = by_helper() || std::string(walk.mode) == "error";
        if (daemon_lives && std::string(walk.verb.name) != "reconcile")
            expect_clean(host);
        if (!by_helper() || walk.verb.carried_on) {
            host.kill_daemon();  // an armed one may fail while it stops, too; what counts is what it leaves
            expect_clean(host);
        }
        EXPECT_EQ(pid_of(host, "neighbour"), neighbour_pid);
        if (shown(host, "walked", "state") == "stopping") {
            EXPECT_EQ(host.banger({"vm", "stop", "walked"}).status, 0) << "a new daemon goes on with the stop";
        }
        const auto state = shown(host, "walked", "state");
        EXPECT_TRUE(state.empty() || state == "running" || state == "stopped") << state;
        if (std::string(walk.verb.name) == "create" && run.status == 0) {
            EXPECT_EQ(state, "running");
        }
        if (state == "stopped") {
            auto started = host.banger({"vm", "start", "walked"});
            EXPECT_EQ(started.status, 0) << "neither whole nor gone: " << started.err;
        }
        if (std::string(walk.verb.name) == "set")
            expect_disks_as_recorded(host, run.status == 0);
        if (HasFailure())
            return;  // the first broken step says enough
        clear();
        expect_clean(host);
    }
}

const std::vector<std::string> create_walked{"vm", "create", "--name", "walked", "--ready", "agent"};
const std::vector<std::string> create_stopped{"vm", "create", "--name", "walked", "--no-start"};

const std::vector<std::string> set_walked{"vm", "set", "walked", "--disk", "6G", "--vcpu", "2"};

std::vector<Walk> walks(Who who, const char* vmm, int stride)
{
    std::vector<Walk> all;
    for (const char* mode : {"error", "kill"})
        for (const Verb& verb : std::vector<Verb>{
                 {"create", {}, create_walked},
                 {"start", create_stopped, {"vm", "start", "walked"}},
                 {"stop", create_walked, {"vm", "stop", "walked", "--timeout", "0"}},
                 {"set", create_stopped, set_walked},
                 {"restart", create_walked, {"vm", "restart", "walked", "--timeout", "0"}},
                 {"delete", create_walked, {"vm", "delete", "-f", "walked"}, false, true},
                 // A daemon that finds one VM running and one whose VMM died: all it does is reconcile.
                 {"reconcile", create_walked, {"vm", "list"}, true, true},
             })
            all.push_back({verb, mode, who, vmm, stride});
    return all;
}

std::string walk_name(const ::testing::TestParamInfo<Walk>& info)
{
    return std::string(info.param.verb.name) + "_" + info.param.mode;
}

INSTANTIATE_TEST_SUITE_P(Null, FaultWalk, ::testing::ValuesIn(walks(Who::daemon, "null", 1)), walk_name);
INSTANTIATE_TEST_SUITE_P(Qemu, FaultWalk, ::testing::ValuesIn(walks(Who::daemon, "qemu", 9)), walk_name);
INSTANTIATE_TEST_SUITE_P(NullByHelper, FaultWalk, ::testing::ValuesIn(walks(Who::helper, "null", 1)), walk_name);
INSTANTIATE_TEST_SUITE_P(QemuByHelper, FaultWalk, ::testing::ValuesIn(walks(Who::helper, "qemu", 9)), walk_name);

}  // namespace
}  // namespace banger::e2e
