// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Attaching to a Firecracker that is fake, and misbehaves where it is told to.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "channel.hpp"
#include "fake_firecracker_test.hpp"
#include "open_jails.hpp"
#include "start.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class AttachTest : public FakeFirecrackerTest {
protected:
    // With these words, and nothing is left.
    void expect_refused(Code code, const std::string& words)
    {
        const auto attached = vmm->attach(spec, call);
        expect_error(attached, code, words);
        if (!attached && code != Code::cancelled) {
            EXPECT_NE(attached.error().hint, "");
            EXPECT_EQ(attached.error().message.find('\n'), std::string::npos);
        }
        EXPECT_TRUE(vmm->list()->empty());
        for (const char* name : {"api.sock", "agent.sock", "root.disk", "firecracker.machine"})
            EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/" + name)) << name;
    }
    // Once it has this in it.
    std::thread cancel_when(const std::string& path, const std::string& text)
    {
        return std::thread([this, path, text] {
            while (sdk::os::read_file(path).value_or("").find(text) == std::string::npos)
                std::this_thread::yield();
            call.cancel();
        });
    }
};

TEST_F(AttachTest, EveryRequestIsOneOfTheApiDescription)
{
    use("good");
    spec.links = {{{"tap", {{"name", "tap0"}}}, "52:54:00:12:34:56", {}, {}, {}}};
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->value.channel, sdk::ChannelKind::socket);
    EXPECT_EQ(vmm->inspect(attached->handle)->facts.at("paused"), "false");
    EXPECT_THAT(requests(), EndsWith("PUT /actions {\"action_type\":\"InstanceStart\"}\nGET / \n"));
    ASSERT_TRUE(vmm->release(attached->handle));
    EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/root.disk"));
    EXPECT_TRUE(sdk::os::exists(spec.disks[0].path));
}

TEST_F(AttachTest, ItIsToldWhereItsLogAndItsMetricsGo)
{
    use("good");
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(arguments_in(spec.owner.directory),
              "--id\n" + sdk::VmmProcess::name_of(spec.owner) +
                  "\n--api-sock\napi.sock\n--log-path\n/proc/self/fd/3\n--level\nError\n--metrics-path\n/proc/self/fd/4\n");
}

using JailedAttachTest = InAJail<AttachTest>;

TEST_F(JailedAttachTest, ItsFilesAreHandedInAndItsSocketsAreReached)
{
    use("good");
    spec.initramfs = file("initramfs");
    spec.links = {{{"tap", {{"name", "tap0"}}}, "52:54:00:12:34:56", {}, {}, {}}};
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(jails.source_of("/kernel"), spec.kernel);
    EXPECT_EQ(jails.source_of("/initramfs"), spec.initramfs);
    EXPECT_EQ(jails.source_of("/dev/net/tun"), "/dev/net/tun");
    const std::string directory = spec.owner.directory + "/jail";
    EXPECT_THAT(sdk::os::read_file(directory + "/requests").value_or(""), HasSubstr("/kernel"));
    EXPECT_THAT(arguments_in(directory), HasSubstr("\n--log-path\nlog\n--level\nError\n--metrics-path\nmetrics\n"));
    EXPECT_EQ(vmm->inspect(attached->handle)->facts.at("jail"), "no") << "the test's own jail is none";
    EXPECT_TRUE(vmm->release(attached->handle));
    EXPECT_FALSE(sdk::os::exists(directory));
    EXPECT_FALSE(sdk::os::exists(spec.owner.directory + "/api.sock"));
}

TEST_F(JailedAttachTest, DisksAreThereUnderTheirRoles)
{
    use("good");
    spec.disks = {{"root", file("root.raw"), "raw", false, 4096}, {"modules", file("modules.raw"), "raw", true, 4096}};
    expect_refused(Code::invalid, "cannot open the disk");
    EXPECT_EQ(jails.source_of("/disks/root"), spec.disks[0].path);
    EXPECT_EQ(jails.source_of("/disks/modules"), spec.disks[1].path);
    for (const auto& handed : jails.asked.files)
        EXPECT_EQ(handed.writable, handed.inside == "/disks/root" || handed.inside == "/vm" || handed.inside == "/dev/kvm")
            << handed.inside;
}

// As a guest that has taken its Firecracker over would have it.
TEST_F(JailedAttachTest, NobodyIsLedToTheSocketsOfOthers)
{
    use("good");
    const auto taken_over = vmm->attach(spec, call);
    ASSERT_TRUE(taken_over) << taken_over.error().message;
    auto other = spec;
    other.owner = host.new_owner();
    const auto neighbour = vmm->attach(other, call);
    ASSERT_TRUE(neighbour) << neighbour.error().message;
    const auto lead_to = [&](const std::string& socket, const std::string& target) {
        const std::string path = spec.owner.directory + "/jail/" + socket;
        EXPECT_TRUE(sdk::os::remove_file(path));
        EXPECT_EQ(::symlink(target.c_str(), path.c_str()), 0);
    };
    lead_to("api.sock", other.owner.directory + "/api.sock");
    const auto heard = requests_of({{}, {}, other.owner.directory + "/jail"});
    expect_error(snapshot->pause(taken_over->handle), Code::permission, "api.sock of the machine of VM " + spec.owner.vm);
    EXPECT_EQ(requests_of({{}, {}, other.owner.directory + "/jail"}), heard) << "the neighbour was asked";

    const std::string agent = host.directory() + "/an agent";
    const auto listener = sdk::os::listen_unix(agent);
    ASSERT_TRUE(listener);
    lead_to("agent.sock", agent);
    call.cancel();  // else who is led there waits for it
    expect_error(vmm->open_channel(taken_over->handle, call), Code::permission, "which is not its Firecracker");
    EXPECT_TRUE(vmm->inspect(taken_over->handle)->present);
    EXPECT_TRUE(vmm->release(taken_over->handle));
    EXPECT_EQ(vmm->inspect(neighbour->handle)->facts.at("paused"), "false");
}

TEST_F(JailedAttachTest, OneThatNobodySawStartIsEnded)
{
    use("good");
    jails.dies_after_start = true;
    expect_refused(Code::unavailable, "the helper went away");
}

TEST_F(JailedAttachTest, OneThatDiesAtOnceIsQuotedThere)
{
    use("die");
    expect_refused(Code::unavailable, "ended");
}

TEST_F(JailedAttachTest, WithoutAJailItGoesOnOrNotAsTheConfigurationSays)
{
    jails.works = false;
    use("good");
    const auto free = vmm->attach(spec, call);
    ASSERT_TRUE(free) << free.error().message;
    EXPECT_TRUE(jails.asked.argv.empty());
    EXPECT_TRUE(vmm->release(free->handle));
    use("good", "1.16.1", R"(,"jail":"require")");
    expect_refused(Code::unavailable, "requires a jail, and nobody jails here");
    jails.works = true;
    use("good", "1.16.1", R"(,"jail":"off")");
    ASSERT_TRUE(vmm->attach(spec, call));
    EXPECT_TRUE(jails.asked.argv.empty()) << "jails are turned off";
}

TEST_F(AttachTest, WhatIsNoLinkOfOursStays)
{
    use("good");
    file("root.disk");
    const auto attached = vmm->attach(spec, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, Code::exists);
    EXPECT_EQ(sdk::os::read_file(spec.owner.directory + "/root.disk").value_or(""), "x");
}

TEST_F(AttachTest, ARefusalIsQuoted)
{
    use("400");
    expect_refused(Code::invalid, "Firecracker answers PUT /drives/root with 400: not today");
}

TEST_F(AttachTest, AnInternalErrorIsSaid)
{
    use("500");
    expect_refused(Code::internal, "Firecracker answers PUT /drives/root with 500");
}

TEST_F(AttachTest, GarbageIsSaid)
{
    use("garbage");
    expect_refused(Code::internal, "no HTTP");
}

TEST_F(AttachTest, AnEarlyEndIsSaid)
{
    use("close");
    expect_refused(Code::unavailable, "Firecracker ended the conversation at PUT /drives/root");
}

TEST_F(AttachTest, AnEndInTheMiddleIsSaid)
{
    use("end@/vsock");
    expect_refused(Code::unavailable, "Firecracker ended the conversation at PUT /vsock");
}

TEST_F(AttachTest, SilenceCanBeCancelled)
{
    use("slow");
    auto canceller = cancel_when(spec.owner.directory + "/requests", "/drives/");
    expect_refused(Code::cancelled, "cancelled");
    canceller.join();
}

TEST_F(AttachTest, OneThatNeverOpensItsSocketCanBeCancelled)
{
    use("mute");
    auto canceller = cancel_when(spec.owner.directory + "/firecracker.machine", "Firecracker");
    expect_refused(Code::cancelled, "cancelled");
    canceller.join();
}

TEST_F(AttachTest, OneThatNeverOpensItsSocketIsGivenUpInTheEnd)
{
    use("mute", "1.16.1", R"(,"start_patience":1)");
    expect_refused(Code::timed_out, "lives and does not serve its API within 1000 ms");
    EXPECT_THAT(vmm->attach(spec, call).error().hint, HasSubstr("raise start_patience in [plugin.vmm-firecracker]"));
}

TEST_F(AttachTest, SilenceIsGivenUpInTheEnd)
{
    use("slow", "1.16.1", R"(,"start_patience":1)");
    expect_refused(Code::timed_out, "Firecracker does not answer PUT /drives/root within 1000 ms");
}

TEST_F(AttachTest, OneThatDiesAtOnceIsQuoted)
{
    use("die");
    expect_refused(Code::unavailable, "the fake is tired");
}

TEST_F(AttachTest, OneThatIsTooOldIsRefusedWithAHint)
{
    use("good", "1.7.1");
    expect_refused(Code::unsupported, "is version 1.7.1, and banger needs 1.8 or newer");
    const auto probe = vmm->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_FALSE(probe->usable);
    EXPECT_THAT(probe->reason, HasSubstr("1.7.1"));
    EXPECT_THAT(probe->hint, HasSubstr("firecracker_bin"));
}

TEST_F(AttachTest, TheOldestThatIsGoodEnoughBoots)
{
    use("good", "1.8.0");
    const auto attached = vmm->attach(spec, call);
    ASSERT_TRUE(attached) << attached.error().message;
}

TEST_F(AttachTest, OneThatDoesNotSayWhatItIsIsRefusedWithAHint)
{
    use("good", "");
    expect_refused(Code::unsupported, "does not say which version of Firecracker it is");
}

TEST_F(AttachTest, OneThatIsNotThereIsNotUsable)
{
    auto made = make_vmm(host, R"({"firecracker_bin":"no-such-firecracker"})");
    ASSERT_TRUE(made);
    const auto probe = (*made)->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_FALSE(probe->usable);
    EXPECT_THAT(probe->hint, HasSubstr("PATH"));
}

class ChannelTest : public ::testing::Test {
protected:
    ChannelTest() : path(directory.path() + "/agent.sock")
    {
        auto made = sdk::os::listen_unix(path);
        EXPECT_TRUE(made);
        listener = std::move(*made);
    }
    // Accepts one, reads the line, and answers.
    std::thread answers(const std::string& text)
    {
        return std::thread([this, text] {
            const sdk::os::UniqueFd client(::accept(listener.get(), nullptr, nullptr));
            std::array<char, 11> line{};
            EXPECT_EQ(::recv(client.get(), line.data(), line.size(), MSG_WAITALL), 11);
            EXPECT_EQ(std::string(line.data(), line.size()), "CONNECT 10\n");
            EXPECT_TRUE(sdk::os::write_all(client.get(), text));
        });
    }

    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> dial() const
    {
        auto socket = sdk::os::connect_unix(path);
        return socket ? dial_agent(std::move(*socket), call) : std::move(socket);
    }

    sdk::testing::TemporaryDirectory directory;
    sdk::testing::FakeCall call;
    std::string path;
    sdk::os::UniqueFd listener;
};

TEST_F(ChannelTest, WhatFollowsTheAnswerBelongsToTheSession)
{
    auto peer = answers("OK 1073741824\nhello");
    const auto channel = dial();
    peer.join();
    ASSERT_TRUE(channel) << channel.error().message;
    std::array<char, 16> rest{};
    EXPECT_EQ(::read(channel->get(), rest.data(), rest.size()), 5);
    EXPECT_STREQ(rest.data(), "hello");
}

TEST_F(ChannelTest, AnEndBeforeTheAnswerIsAnError)
{
    auto peer = answers("");
    const auto channel = dial();
    peer.join();
    ASSERT_FALSE(channel);
    EXPECT_EQ(channel.error().code, Code::unavailable);
}

TEST_F(ChannelTest, AnotherAnswerIsAnErrorHoweverLong)
{
    auto peer = answers(std::string(100, 'x'));
    const auto channel = dial();
    peer.join();
    ASSERT_FALSE(channel);
    EXPECT_EQ(channel.error().code, Code::unavailable);
}

TEST_F(ChannelTest, TheWaitForTheGuestCanBeCancelled)
{
    call.cancel();
    const auto channel = dial();
    ASSERT_FALSE(channel);
    EXPECT_EQ(channel.error().code, Code::cancelled);
}

}  // namespace
}  // namespace banger::firecracker
