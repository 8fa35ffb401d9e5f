// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A verb with its n-th step failing, or the daemon killed there, for every n: afterwards the world agrees with what a daemon
// and its journals say of it, and a neighbour is what it was. vmm-null and real storage; real guests at sampled n. Where the
// root helper serves, the same with the n-th step of the helper's (run-as run-with-helper, tests/lab/sets/privd-faults).
//
// All verbs go over one machine and beside one neighbour, and an error costs no daemon: a walk is as long as what it tries.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>

#include "banger/sdk/os/file.hpp"
#include "core/base/control_group.hpp"
#include "tests/e2e/fault_plan.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

enum class From { nothing, stopped, running, orphaned };

struct Verb {
    const char* name;
    From from;                       ///< what is there before; orphaned: running, and its VMM dies while no daemon looks
    std::vector<std::string> walk;
    const char* done;                ///< the state that it leaves if it says that it is done; empty: there is no machine
    int least_steps;                 ///< of the daemon's, with any providers
    bool carried_on = false;         ///< what fails of it is left to the next daemon
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

// What one list of the machines says.
struct Seen {
    std::string state;  ///< empty: there is no such machine
    std::uint64_t pid = 0;
    std::uint64_t disk_bytes = 0;
    bool busy = false;            ///< somebody still settles it
    std::uint64_t neighbour = 0;  ///< its pid
};

// The machines of one suite: a neighbour that nobody touches, and one that the verbs walk over.
class Machines {
public:
    Machines(const std::string& vmm, Who who)
        : host_("\n[backends]\nvmm = \"" + vmm + "\"\n"),
          plan_(who == Who::helper ? FaultPlan::of_helper() : FaultPlan::of_daemons(host_.home() + "/fault-plan"))
    {
        call({"vm", "create", "--name", "neighbour", "--ready", "agent"});
        neighbour_ = look().neighbour;
        EXPECT_NE(neighbour_, 0U);
        neighbour_held_ = neighbours_handles();
        EXPECT_THAT(neighbour_held_, ::testing::HasSubstr("\"bound\""));
    }

    [[nodiscard]] const Installation& host() const { return host_; }
    [[nodiscard]] const FaultPlan& plan() const { return plan_; }
    [[nodiscard]] std::uint64_t neighbour() const { return neighbour_; }

    /// Starts a daemon if none runs, and that reconciles.
    [[nodiscard]] Seen look() const
    {
        Seen seen;
        const auto listed = host_.json({"vm", "list"});
        const auto* vms = json::find(listed, "vms");
        if (vms == nullptr)
            return seen;
        for (const auto& vm : vms->GetArray()) {
            const std::string name = json::string_or(vm, "name");
            if (name == "neighbour")
                seen.neighbour = json::uint_or(vm, "pid");
            if (name != "walked")
                continue;
            seen.state = json::string_or(vm, "state");
            seen.pid = json::uint_or(vm, "pid");
            seen.disk_bytes = json::uint_or(vm, "disk_bytes");
            seen.busy = !json::string_or(vm, "busy").empty();
        }
        return seen;
    }

    /// Makes of what is there what a verb begins with. No plan is in force.
    void bring(const Seen& seen, From wanted) const
    {
        const bool runs = wanted == From::running || wanted == From::orphaned;
        if (wanted == From::nothing && !seen.state.empty())
            call({"vm", "delete", "-f", "walked"});
        else if (wanted == From::nothing)
            return;
        else if (seen.state.empty() && runs)
            call({"vm", "create", "--name", "walked", "--ready", "agent"});
        else if (seen.state.empty())
            call({"vm", "create", "--name", "walked", "--no-start"});
        else if (runs && seen.state == "stopped")
            call({"vm", "start", "walked"});
        else if (!runs && seen.state == "running")
            call({"vm", "stop", "walked", "--timeout", "0"});
        // What a daemon does behind an answer, and when it hears of a VMM's end, has steps, too.
        if (wanted == From::nothing || (seen.state == "running" && !runs))
            expect_clean(host_);
        for (int looks = 0; seen.state == "running" && look().busy; ++looks)
            ASSERT_LT(looks, 100) << "'walked' stays busy";
        if (wanted == From::orphaned)
            orphan();
    }

    void call(const std::vector<std::string>& arguments) const
    {
        const auto called = host_.banger(arguments);
        EXPECT_EQ(called.status, 0) << called.err;
    }

    /// It holds what it held when it was made, and its guest, if it has one, does what it is told. No plan is in force.
    void expect_neighbour_as_it_was(bool has_guest) const
    {
        EXPECT_EQ(neighbours_handles(), neighbour_held_);
        if (has_guest)
            call({"vm", "exec", "neighbour", "--", "true"});
    }

private:
    // What they are bound to among it.
    [[nodiscard]] std::string neighbours_handles() const
    {
        const auto shown = host_.json({"vm", "show", "--handles", "neighbour"});
        const auto* handles = json::find(shown, "handles");
        return handles == nullptr ? std::string() : json::to_text(*handles);
    }

    void orphan() const
    {
        const auto pid = static_cast<pid_t>(look().pid);
        host_.kill_daemon();
        const auto vmm = sdk::os::identify(pid);
        ASSERT_TRUE(vmm) << vmm.error().message;
        EXPECT_TRUE(sdk::os::kill_and_wait(*vmm, SIGKILL, std::chrono::seconds(10)));
    }

    Installation host_;
    FaultPlan plan_;
    std::uint64_t neighbour_ = 0;
    std::string neighbour_held_;
};

class FaultWalk : public ::testing::TestWithParam<Walk> {
protected:
    static bool by_helper() { return GetParam().who == Who::helper; }

    void SetUp() override
    {
        if (by_helper() && !FaultPlan::has_helper())
            GTEST_SKIP() << "there is no root helper that could be armed: see tests/lab/sets/privd-faults";
        if (std::string(GetParam().vmm) == "firecracker" && !sdk::os::find_program("firecracker"))
            GTEST_SKIP() << "there is no firecracker on PATH";
        if (!machines_) {
            machines_ = std::make_unique<Machines>(GetParam().vmm, GetParam().who);
            last_seen_ = {};
        }
    }

    // What is broken is no place for the next walk.
    void TearDown() override
    {
        if (HasFailure())
            machines_.reset();
    }
    static void TearDownTestSuite() { machines_.reset(); }

    // The first of every so many steps, each time another. BANGER_TEST_FIRST_STEP has it the same again.
    static int first_of(int stride)
    {
        if (const char* wanted = std::getenv("BANGER_TEST_FIRST_STEP"); wanted != nullptr && stride > 1)
            return std::max(1, std::atoi(wanted));
        const int least = GetParam().verb.least_steps;
        const int most = std::min(stride, by_helper() ? least / 2 : least);  // it has fewer
        const int first = most == 1 ? 1 : std::uniform_int_distribution<int>(1, most)(random_);
        if (stride > 1)
            std::cout << "every " << stride << "th step from step " << first << " on (BANGER_TEST_FIRST_STEP)\n";
        return first;
    }

    // One run of the verb with a fault at its n-th step. False if there is no such step: then it did what it is to do.
    static bool fails_at(int n)
    {
        const Walk& walk = GetParam();
        const Machines& vms = *machines_;
        const Seen before = last_seen_;
        vms.bring(before, walk.verb.from);
        vms.plan().arm(walk.mode + (":" + std::to_string(n)));
        const auto run = vms.host().banger(arguments(before));
        const bool daemon_lives = by_helper() || std::string(walk.mode) == "error";
        // A verb undoes what it did by itself, and leaves nothing to the next daemon; that one's own reconciling may.
        if (daemon_lives && std::string(walk.verb.name) != "reconcile")
            expect_clean(vms.host());
        else if (vms.plan().is_in_force())
            (void)vms.host().banger({"audit"});  // what goes on behind the answer has steps, too
        const bool injected = vms.plan().withdraw();
        if (!injected) {
            EXPECT_EQ(run.status, 0) << run.err;
        }
        // What the files say is what the next daemon knows: looked at after each death, and now and then after an error.
        constexpr int every = 8;
        const bool next_looks = walk.verb.carried_on || n % every == 0 || !injected;
        if (next_looks)
            vms.host().kill_daemon();
        expect_agreement(before, run.status == 0);
        if (next_looks || !daemon_lives)
            expect_clean(vms.host());
        return injected;
    }

    static void expect_neighbour_as_it_was()
    {
        machines_->expect_neighbour_as_it_was(std::string(GetParam().vmm) != "null");
    }

    static std::vector<std::string> arguments(const Seen& before)
    {
        auto words = GetParam().verb.walk;
        if (std::string(GetParam().verb.name) == "set")
            words.insert(words.end(), {"--disk", std::to_string(grown(before) >> 30U) + "G"});
        return words;
    }

    // A disk only grows.
    static std::uint64_t grown(const Seen& before)
    {
        constexpr std::uint64_t gibibyte = 1U << 30U;
        return std::max(before.disk_bytes, 4 * gibibyte) + gibibyte;
    }

    static void expect_agreement(const Seen& before, bool done)
    {
        const Machines& vms = *machines_;
        Seen now = vms.look();
        if (now.state == "stopping") {
            const auto stopped = vms.host().banger({"vm", "stop", "walked"});
            EXPECT_EQ(stopped.status, 0) << "a new daemon goes on with the stop: " << stopped.err;
            now = vms.look();
        }
        EXPECT_EQ(now.neighbour, vms.neighbour());
        EXPECT_TRUE(now.state.empty() || now.state == "running" || now.state == "stopped") << now.state;
        if (done) {
            EXPECT_EQ(now.state, GetParam().verb.done);
        }
        if (std::string(GetParam().verb.name) == "set")
            expect_disks_as_recorded(before, now, done);
        last_seen_ = now;
    }

    // Once it is started, the record and the disks are of one length, and that is the old one or the new.
    static void expect_disks_as_recorded(const Seen& before, Seen& now, bool changed)
    {
        const Machines& vms = *machines_;
        const std::uint64_t old = grown(before) - (1U << 30U);
        EXPECT_TRUE(now.disk_bytes == grown(before) || (!changed && now.disk_bytes == old)) << now.disk_bytes;
        vms.call({"vm", "start", "walked"});
        now.state = "running";
        const auto looked = vms.host().json({"vm", "stats", "--interval", "100ms", "walked"});
        for (const auto& disk : json::find(*json::find((*json::find(looked, "vms"))[0], "host"), "disks")->GetArray())
            EXPECT_EQ(json::uint_or(disk, "bytes"), now.disk_bytes) << json::string_or(disk, "role");
    }

private:
    static inline std::unique_ptr<Machines> machines_;
    static inline Seen last_seen_;
    static inline std::mt19937 random_{std::random_device()()};
};

TEST_P(FaultWalk, LeavesAWorldThatAgrees)
{
    const Walk& walk = GetParam();
    const int stride = walk.stride * sample_every();
    int steps = 0;
    for (int n = first_of(stride);; n += stride) {
        SCOPED_TRACE(std::string(walk.mode) + " at step " + std::to_string(n));
        if (!fails_at(n))
            break;
        steps = n;
        if (HasFailure())
            return;  // the first broken step says enough
    }
    expect_neighbour_as_it_was();
    std::cout << steps << " steps\n";
    if (!by_helper()) {
        EXPECT_GE(steps, stride == 1 ? walk.verb.least_steps : 1) << "it fails at fewer steps than it has";
    } else {
        EXPECT_GE(steps, 1);
    }
}

const std::vector<std::string> create_walked{"vm", "create", "--name", "walked", "--ready", "agent"};

// A machine is given its scope while it starts, which that never fails (page 15 of the decisions).
TEST(ScopeFaults, CostAMachineItsScopeAndNothingElse)
{
    if (!FaultPlan::has_helper())
        GTEST_SKIP() << "there is no root helper that could be armed: see tests/lab/sets/privd-faults";
    const Machines vms("null", Who::helper);
    for (const auto& [fault, has_scope] :
         {std::pair("error:1", false), std::pair("error:2", true), std::pair("kill:1", false), std::pair("kill:2", true)}) {
        SCOPED_TRACE(fault);
        vms.plan().arm(fault + std::string("@scope start"));
        vms.call(create_walked);
        EXPECT_TRUE(vms.plan().withdraw()) << "the helper was asked for no scope";
        const Seen now = vms.look();
        EXPECT_EQ(now.state, "running");
        const auto group = base::group_of(static_cast<pid_t>(now.pid));
        ASSERT_TRUE(group);
        EXPECT_EQ(group->find("/banger-vm-") != std::string::npos, has_scope) << *group;
        vms.call({"vm", "delete", "-f", "walked"});
    }
    expect_clean(vms.host());
}

std::vector<Walk> walks(Who who, const char* vmm, int stride)
{
    std::vector<Walk> all;
    for (const char* mode : {"error", "kill"})
        for (const Verb& verb : std::vector<Verb>{
                 {"create", From::nothing, create_walked, "running", 30},
                 {"start", From::stopped, {"vm", "start", "walked"}, "running", 20},
                 {"stop", From::running, {"vm", "stop", "walked", "--timeout", "0"}, "stopped", 8},
                 {"set", From::stopped, {"vm", "set", "walked", "--vcpu", "2"}, "stopped", 8},
                 {"restart", From::running, {"vm", "restart", "walked", "--timeout", "0"}, "running", 25},
                 {"delete", From::running, {"vm", "delete", "-f", "walked"}, "", 10, true},
                 // A daemon that finds one VM running and one whose VMM died: all it does is reconcile.
                 {"reconcile", From::orphaned, {"vm", "list"}, "stopped", 5, true},
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
INSTANTIATE_TEST_SUITE_P(Firecracker, FaultWalk, ::testing::ValuesIn(walks(Who::daemon, "firecracker", 9)), walk_name);
INSTANTIATE_TEST_SUITE_P(NullByHelper, FaultWalk, ::testing::ValuesIn(walks(Who::helper, "null", 1)), walk_name);
INSTANTIATE_TEST_SUITE_P(QemuByHelper, FaultWalk, ::testing::ValuesIn(walks(Who::helper, "qemu", 9)), walk_name);

}  // namespace
}  // namespace banger::e2e
