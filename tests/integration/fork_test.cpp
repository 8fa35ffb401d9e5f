// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A fork of a fork, by the saves of QEMU and of Firecracker and the freezes of file storage together, through their
// interfaces.
#include <gtest/gtest.h>

#include <algorithm>

#include "guest/protocol/session_messages.hpp"
#include "tests/integration/forkable_guest.hpp"
#include "tests/unit/guest/relay_peer.hpp"

namespace banger::integration {
namespace {

// On both disks, on the disk only once they are read back from it; in files that are nowhere but in memory; and in the
// variables of a process, which answers through a fifo.
constexpr const char* leave_traces = R"(
set -e
for d in /srv /root; do
    head -c 3000000 /dev/urandom >$d/$0.fsynced
    sync $d/$0.fsynced
    head -c 3000000 /dev/urandom >$d/$0.unwritten
done
head -c 8000000 /dev/urandom >/run/$0.memory
cd /run
[ -p ask ] || mkfifo ask answer
)";

std::string traces(const std::string& of)
{
    return "cat /srv/" + of + ".* /root/" + of + ".* /run/" + of + ".memory | sha256sum";
}

// What was written before is read from the disk, not from memory.
constexpr const char* forget_caches = "sync; echo 3 >/proc/sys/vm/drop_caches";

/// A form of freezing, by the disks that it is for, and who saves the machine.
struct Form {
    const char* name;
    std::string disk_format;
    std::string vmm = "qemu";
};

class ForkTest : public ::testing::TestWithParam<Form> {
protected:
    void SetUp() override
    {
        seed = proofs::Seed::load(use.host.directory());
        ASSERT_TRUE(seed);
        ASSERT_TRUE(use.vmm && use.snapshot);
        const auto& offers = use.disk_formats;
        ASSERT_NE(std::find(offers.begin(), offers.end(), GetParam().disk_format), offers.end())
            << "the file system of " << use.host.directory() << " has no such disks; tests/proofs/on-xfs has one that has";
        if (GetParam().disk_format == "disk:raw")
            bring_layers_here();
    }

    // Files share blocks on one file system only.
    void bring_layers_here()
    {
        for (auto* layer : {&seed->image.root, &seed->image.work}) {
            const std::string here = use.host.directory() + layer->path.substr(layer->path.rfind('/'));
            proofs::run_here({"cp", "--sparse=always", layer->path, here});
            layer->path = here;
        }
    }

    static void leave(ForkableGuest& guest, const std::string& name)
    {
        guest.sh(with_name(leave_traces, name));
    }
    static std::string with_name(std::string script, const std::string& name)
    {
        for (std::size_t at = 0; (at = script.find("$0", at)) != std::string::npos;)
            script.replace(at, 2, name);
        return script;
    }
    // A process whose only memory of the word is a variable.
    static void start_keeper(ForkableGuest& guest, const std::string& word)
    {
        guest.sh("cd /run; (word=" + word + "; while read -r _ <ask; do echo \"$word\" >answer; done) " +
                 "</dev/null >/dev/null 2>&1 & true");
    }
    // One that answers each line it gets.
    static void start_session(ForkableGuest& guest)
    {
        agent::SessionSpec spec;
        spec.name = "echo";
        spec.exec.argv = {"/bin/sh", "-c", "echo begun; while read -r line; do echo \"got $line\"; done"};
        const auto started = guest.agent().start_session(spec, patient());
        ASSERT_TRUE(started) << started.error().message;
    }
    static std::string attach_spec(agent::AttachSpec::How how)
    {
        agent::AttachSpec spec;
        spec.name = "echo";
        spec.how = how;
        spec.steal = how == agent::AttachSpec::How::control;  // the stream of the last one may still be on its way to its end
        return to_json(spec);
    }
    static agent::SessionFacts session_of(ForkableGuest& guest)
    {
        const auto facts = guest.agent().sessions("echo", patient());
        EXPECT_TRUE(facts) << facts.error().message;
        return facts && facts->size() == 1 ? facts->front() : agent::SessionFacts();
    }
    static std::string log_of(ForkableGuest& guest)
    {
        guest::RelayPeer peer(guest.agent(), "/v0/session/attach", attach_spec(agent::AttachSpec::How::read));
        EXPECT_TRUE(peer.wait_for(agent::FrameType::done));
        return peer.output;
    }
    // Through a client that has its input, until it has answered.
    static void say(ForkableGuest& guest, const std::string& line)
    {
        guest::RelayPeer peer(guest.agent(), "/v0/session/attach", attach_spec(agent::AttachSpec::How::control));
        peer.send(agent::FrameType::data, line + "\n");
        EXPECT_TRUE(peer.wait_for_output("got " + line + "\n"));
    }

    static std::string ask_keeper(ForkableGuest& guest) { return guest.sh("cd /run; echo >ask; cat answer"); }

    Providers use{GetParam().vmm};
    std::optional<proofs::Seed> seed;
};

TEST_P(ForkTest, AForkOfAForkHasWhatBothHadOnDisksAndInMemory)
{
    const auto parent = ForkableGuest::boot(use, *seed, "parent", GetParam().disk_format);
    ASSERT_TRUE(parent);
    leave(*parent, "parent");
    start_keeper(*parent, "secret");
    start_session(*parent);
    say(*parent, "one");
    const auto of_parent = parent->sh(traces("parent"));
    // Somebody has the session's input meanwhile.
    guest::RelayPeer attached(parent->agent(), "/v0/session/attach", attach_spec(agent::AttachSpec::How::control));
    ASSERT_TRUE(attached.wait_for_output("got one\n"));
    const auto pid = session_of(*parent).pid;
    const auto first = parent->save();
    ASSERT_TRUE(first);
    parent->sh("echo later >/srv/later; rm /root/parent.fsynced; sync");

    const auto child = ForkableGuest::restore(use, *first, "child");
    ASSERT_TRUE(child);
    EXPECT_EQ(child->sh("hostname"), "child\n");
    EXPECT_EQ(child->sh(traces("parent")), of_parent);
    EXPECT_EQ(ask_keeper(*child), "secret\n");
    child->sh("test ! -e /srv/later");
    // The session runs here as well, with what it had written by then; who was attached is so to the parent's alone.
    const auto copied = session_of(*child);
    EXPECT_EQ(copied.state, agent::SessionFacts::State::running);
    EXPECT_EQ(copied.pid, pid);
    EXPECT_FALSE(copied.attached);
    EXPECT_EQ(log_of(*child), "begun\ngot one\n");
    say(*child, "two in the child");
    leave(*child, "child");
    const auto of_child = child->sh(traces("child"));
    const auto second = child->save();
    ASSERT_TRUE(second);
    child->sh("echo later >/root/later; rm /srv/child.fsynced; sync");

    const auto grandchild = ForkableGuest::restore(use, *second, "grandchild");
    ASSERT_TRUE(grandchild);
    for (const char* caches : {"true", forget_caches}) {
        grandchild->sh(caches);
        EXPECT_EQ(grandchild->sh(traces("parent")), of_parent) << caches;
        EXPECT_EQ(grandchild->sh(traces("child")), of_child) << caches;
    }
    EXPECT_EQ(ask_keeper(*grandchild), "secret\n");
    say(*grandchild, "three");
    EXPECT_EQ(log_of(*grandchild), "begun\ngot one\ngot two in the child\ngot three\n");
    grandchild->sh("test ! -e /srv/later && test ! -e /root/later");

    // Nobody disturbed those that were forked, and they each other neither.
    EXPECT_EQ(parent->sh("hostname; cat /srv/later; ls /root/parent.*"), "parent\nlater\n/root/parent.unwritten\n");
    EXPECT_EQ(ask_keeper(*parent), "secret\n");
    if (GetParam().vmm == "qemu") {  // Firecracker ends every stream of a machine that it saves
        attached.send(agent::FrameType::data, "two in the parent\n");
        EXPECT_TRUE(attached.wait_for_output("got two in the parent\n"));
        EXPECT_TRUE(session_of(*parent).attached);
    } else {
        say(*parent, "two in the parent");
    }
    EXPECT_EQ(log_of(*parent), "begun\ngot one\ngot two in the parent\n");
    EXPECT_EQ(log_of(*child), "begun\ngot one\ngot two in the child\n");
    EXPECT_EQ(child->sh("cat /root/later"), "later\n");
    child->sh("test ! -e /srv/later");

    // A second copy of the first instant, though that machine has gone on since; and all file systems are whole.
    const auto sibling = ForkableGuest::restore(use, *first, "sibling");
    ASSERT_TRUE(sibling);
    sibling->sh(forget_caches);
    EXPECT_EQ(sibling->sh(traces("parent")), of_parent);
    EXPECT_EQ(log_of(*sibling), "begun\ngot one\n");
    for (const auto& guest : {parent.get(), child.get(), grandchild.get(), sibling.get()}) {
        guest->power_off();
        for (const auto& disk : guest->disks()) {
            const std::string image = use.host.directory() + "/" + disk.role + ".img";
            proofs::run_here({"qemu-img", "convert", "-f", disk.format, "-O", "raw", disk.path, image});
            proofs::run_here({"e2fsck", "-fn", image});
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Form, ForkTest,
                         ::testing::Values(Form{"overlay", "disk:qcow2"}, Form{"reflink", "disk:raw"},
                                           Form{"firecracker", "disk:raw", "firecracker"}),
                         [](const auto& form) { return form.param.name; });

}  // namespace
}  // namespace banger::integration
