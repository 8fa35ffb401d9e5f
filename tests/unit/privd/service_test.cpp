// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_network.hpp"
#include "core/base/fault.hpp"
#include "core/privd/installations.hpp"
#include "core/privd/values.hpp"
#include "core/rpc/client.hpp"
#include "core/rpc/helper.hpp"
#include "tests/privd_in_process.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using sdk::testing::FakeHost;
using sdk::testing::FakeNetwork;
using sdk::testing::FakeNetworkWorld;
using testing::PrivdInProcess;

class ServiceTest : public ::testing::Test {
protected:
    ServiceTest() : name_(helper_.add(std::make_shared<FakeNetwork>(host_, world_))) {}

    [[nodiscard]] sdk::Result<rpc::Reply> ask(const std::string& method, const json::Object& params) const
    {
        auto client = rpc::Client::connect(helper_.socket());
        if (!client)
            return std::move(client).error();
        return client->call(method, params);
    }
    [[nodiscard]] json::Object params() const { return params(name_); }
    [[nodiscard]] json::Object params(const std::string& provider) const
    {
        json::Object object;
        object.set("protocol", rpc::helper::protocol_version).set("name", provider);
        object.set("instance", host_.instance()).set("vms_directory", host_.vms_directory());
        return object;
    }
    void expect_answers() const
    {
        const auto listed = ask("network/0 list", params());
        EXPECT_TRUE(listed) << listed.error().message;
    }
    static sdk::os::UniqueFd raw_to(const PrivdInProcess& helper)
    {
        auto socket = sdk::os::connect_unix(helper.socket());
        EXPECT_TRUE(socket);
        return std::move(*socket);
    }
    [[nodiscard]] sdk::os::UniqueFd raw() const { return raw_to(helper_); }
    static sdk::Result<sdk::os::Child> sleeper()
    {
        sdk::os::Command command;
        command.argv = {"sleep", "1000"};
        return sdk::os::spawn(command);
    }
    // Whether the other side hangs up, and soon.
    static bool hangs_up(int socket)
    {
        std::array<char, 4096> bytes{};
        for (;;) {
            pollfd watch{socket, POLLIN, 0};
            if (::poll(&watch, 1, 10'000) != 1)
                return false;
            if (::read(socket, bytes.data(), bytes.size()) <= 0)
                return true;
        }
    }

    FakeHost host_;
    std::shared_ptr<FakeNetworkWorld> world_ = std::make_shared<FakeNetworkWorld>();
    PrivdInProcess helper_;
    std::string name_;
};

TEST_F(ServiceTest, AnotherProtocolIsRefusedInWords)
{
    json::Object wrong;
    wrong.set("protocol", rpc::helper::protocol_version + 1);
    for (const auto& method : {std::string("network/0 list"), std::string(rpc::helper::status_method)}) {
        const auto refused = ask(method, wrong);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::unsupported);
        EXPECT_NE(refused.error().hint.find("banger system install"), std::string::npos);
    }
}

TEST_F(ServiceTest, OnlyItsMethodsAreThere)
{
    for (const char* method : {"vmm/0 attach", "image/0 fetch", "storage/0 shell", "", "network/0", "daemon.stop", "doctor"})
        EXPECT_FALSE(ask(method, params())) << method;
    // A kind that the provider is not of.
    EXPECT_FALSE(ask("storage/0 list", params()));
    expect_answers();
}

TEST_F(ServiceTest, WhatTheProviderIsToldWasChecked)
{
    const auto proxy = helper_.proxy<sdk::Network>(host_, name_);
    FakeCall call;
    auto owner = host_.new_owner();
    ASSERT_TRUE(proxy->attach({owner, sdk::Egress::internet, "link:stream-socket"}, call));
    auto foreign = owner;
    foreign.instance = "00000000";
    EXPECT_FALSE(proxy->attach({foreign, sdk::Egress::internet, "link:stream-socket"}, call));
    EXPECT_FALSE(proxy->release({"network/0", "tap", "link", foreign, {}}));
    EXPECT_FALSE(proxy->inspect({"network/0", "tap", "../link", owner, {}}));
    EXPECT_TRUE(proxy->inspect({"network/0", "tap", "link", owner, {}})->present);
}

TEST_F(ServiceTest, ALinkIsConnectedByItsProviderAndNobodyElsesIs)
{
    const auto proxy = helper_.proxy<sdk::Network>(host_, name_);
    FakeCall call;
    const auto owner = host_.new_owner();
    const auto link = proxy->attach({owner, sdk::Egress::internet, "link:stream-socket"}, call);
    ASSERT_TRUE(link);
    auto foreign = link->handle;
    foreign.owner.instance = "00000000";
    EXPECT_FALSE(proxy->connect(foreign, call));
    EXPECT_FALSE(world_->is_connected(owner.vm));
    EXPECT_TRUE(proxy->connect(link->handle, call));
    EXPECT_TRUE(world_->is_connected(owner.vm));
}

TEST_F(ServiceTest, AJailIsAskedForWithAllThatIsInIt)
{
    const auto jails = helper_.jails_for(host_);
    FakeCall call;
    EXPECT_TRUE(jails->probe(call));
    const auto owner = host_.new_owner();
    const sdk::JailSpec spec{owner, {"/vmm", "--id", "x"}, "/vm", "console", "log", {{"/vm", owner.directory, true}}};
    const auto started = jails->start(spec, call);
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_EQ(*started, (sdk::os::ProcessId{1, 2}));
    auto foreign = spec;
    foreign.owner.instance = "00000000";
    EXPECT_FALSE(jails->start(foreign, call));
    const auto asked = helper_.jails().asked();
    ASSERT_EQ(asked.size(), 1U) << "what was refused went on";
    EXPECT_EQ(asked[0].argv, spec.argv);
    EXPECT_EQ(asked[0].directory + asked[0].output + asked[0].errors, "/vmconsolelog");
    ASSERT_EQ(asked[0].files.size(), 1U);
    EXPECT_EQ(asked[0].files[0].inside + asked[0].files[0].source, "/vm" + owner.directory);
    EXPECT_TRUE(asked[0].files[0].writable);
}

TEST_F(ServiceTest, AScopeIsAskedForProcessesOfTheUsers)
{
    auto child = sleeper();
    ASSERT_TRUE(child);
    const auto scopes = helper_.scopes_for(host_);
    FakeCall call;
    const auto owner = host_.new_owner();
    const auto name = scopes->start({owner, {child->id()}}, call);
    EXPECT_EQ(name.value_or(""), "of-" + owner.vm + ".scope") << (name ? "" : name.error().message);
    auto foreign = owner;
    foreign.instance = "00000000";
    EXPECT_FALSE(scopes->start({foreign, {child->id()}}, call));
    auto reused = child->id();
    ++reused.start_time;
    EXPECT_FALSE(scopes->start({owner, {child->id(), reused}}, call));
    child->end_group();
    const auto asked = helper_.scopes().asked();
    ASSERT_EQ(asked.size(), 1U) << "what was refused went on";
    EXPECT_EQ(asked[0].owner.vm, owner.vm);
    EXPECT_EQ(asked[0].processes, std::vector{child->id()});
}

TEST_F(ServiceTest, AFaultBehindAScopeIsAnErrorAndNoMore)
{
    auto child = sleeper();
    ASSERT_TRUE(child);
    const auto scopes = helper_.scopes_for(host_);
    FakeCall call;
    const units::ScopeSpec spec{host_.new_owner(), {child->id()}};
    for (const std::uint64_t at : {1, 2}) {
        const base::fault::Armed armed({base::fault::Action::error, at, "scope start"});
        EXPECT_FALSE(scopes->start(spec, call));
    }
    EXPECT_TRUE(scopes->start(spec, call));
    child->end_group();
    EXPECT_EQ(helper_.scopes().asked().size(), 2U) << "the first fault comes before it is made, the second after";
}

TEST_F(ServiceTest, MissingAndMistypedMembersAreRefused)
{
    json::Object spec;
    spec.set("owner", encode(host_.new_owner())).set("egress", "everything").set("attachment", 7);
    const json::Object plain = params();
    json::Object odd = params();
    odd.set("spec", spec);
    for (const auto* request : std::array<const json::Object*, 2>{&plain, &odd})
        for (const char* method : {"network/0 plan", "network/0 attach", "network/0 connect", "network/0 release", "network/0 inspect"}) {
            const auto refused = ask(method, *request);
            ASSERT_FALSE(refused) << method;
            EXPECT_EQ(refused.error().code, Code::invalid) << refused.error().message;
        }
    expect_answers();
}

TEST_F(ServiceTest, GarbageEndsOneConnectionAtMost)
{
    const std::string deep(40'000, '[');
    for (const std::string& garbage :
         {std::string("not json\n"), std::string("[1,2]\n"), deep + "\n", std::string("\0\xff\n", 3),
          std::string("{\"id\":1,\"method\":\"network/0 list\",\"descriptors\":9}\n"),
          std::string("{\"id\":{},\"method\":7}\n"), std::string(3, '\n')}) {
        const auto socket = raw();
        ASSERT_TRUE(sdk::os::write_all(socket.get(), garbage));
        expect_answers();
    }
}

TEST_F(ServiceTest, AMessageWithoutAnEndIsNotKept)
{
    const auto socket = raw();
    const std::string part(16'384, 'x');
    for (std::size_t sent = 0; sent <= PrivdInProcess::most_message_bytes; sent += part.size())
        if (::send(socket.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0)
            break;
    EXPECT_TRUE(hangs_up(socket.get()));
    expect_answers();
}

TEST_F(ServiceTest, DescriptorsThatNobodyAskedForAreNotKept)
{
    const auto socket = raw();
    std::vector<sdk::os::UniqueFd> descriptors;
    descriptors.emplace_back(::dup(0));
    EXPECT_TRUE(rpc::send_some(socket.get(), "x", descriptors));
    EXPECT_TRUE(hangs_up(socket.get()));
    expect_answers();
}

TEST_F(ServiceTest, RequestsOfAConnectionHaveABound)
{
    class Gated : public FakeNetwork {
    public:
        using FakeNetwork::FakeNetwork;
        sdk::Result<std::vector<sdk::Handle>> list() override
        {
            open.wait(false);
            return std::vector<sdk::Handle>();
        }
        std::atomic<bool> open = false;
    };
    const auto gated = std::make_shared<Gated>(host_, world_);
    const json::Object wanted = params(helper_.add(gated));
    const auto socket = raw();
    for (std::uint64_t id = 1; id <= PrivdInProcess::most_requests + 1; ++id)
        ASSERT_TRUE(sdk::os::write_all(socket.get(), rpc::encode_request(id, "network/0 list", wanted.value())));
    std::array<char, 4096> bytes{};
    const ssize_t got = ::read(socket.get(), bytes.data(), bytes.size());
    gated->open = true;
    gated->open.notify_all();
    ASSERT_GT(got, 0);
    const std::string said(bytes.data(), static_cast<std::size_t>(got));
    EXPECT_NE(said.find("too many requests"), std::string::npos) << said;
    expect_answers();
}

TEST_F(ServiceTest, WhoReadsNoAnswersIsHungUpOn)
{
    const auto socket = raw();
    const std::string line(64, '\n');
    const timeval patience{10, 0};
    ASSERT_EQ(::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    ssize_t sent = 0;
    for (int tries = 0; tries < 100'000 && sent >= 0; ++tries)
        sent = ::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL);
    EXPECT_LT(sent, 0);
    EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET) << errno;
    expect_answers();
}

// A daemon with more workers than that has all of its calls served, some later.
TEST_F(ServiceTest, ConnectionsHaveABoundAndFurtherOnesWait)
{
    const auto list = rpc::encode_request(1, "network/0 list", params().value());
    const auto answers = [](int socket, int patience_ms) {
        std::array<char, 4096> bytes{};
        pollfd watch{socket, POLLIN, 0};
        return ::poll(&watch, 1, patience_ms) == 1 && ::read(socket, bytes.data(), bytes.size()) > 0;
    };
    std::vector<sdk::os::UniqueFd> many;
    for (std::size_t i = 0; i < PrivdInProcess::most_connections; ++i)
        many.push_back(raw());
    const auto one_more = raw();
    ASSERT_TRUE(sdk::os::write_all(one_more.get(), list));
    for (const auto& socket : many) {
        ASSERT_TRUE(sdk::os::write_all(socket.get(), list));
        EXPECT_TRUE(answers(socket.get(), 10'000));
    }
    EXPECT_FALSE(answers(one_more.get(), 0)) << "it was let in beside all the others";
    many.pop_back();
    EXPECT_TRUE(answers(one_more.get(), 10'000));
}

TEST_F(ServiceTest, ACallIsCancelledByItsCaller)
{
    class Slow : public FakeNetwork {
    public:
        using FakeNetwork::FakeNetwork;
        sdk::Result<sdk::Attached<sdk::Link>> attach(const sdk::LinkSpec&, sdk::Call& call) override
        {
            call.progress({"wait", 1, 2, "turns"});
            call.warn("it takes long");
            pollfd watch{call.cancel_descriptor(), POLLIN, 0};
            (void)::poll(&watch, 1, 30'000);
            return sdk::make_error(call.cancelled() ? Code::cancelled : Code::timed_out, "it was waiting");
        }
    };
    const auto proxy = helper_.proxy<sdk::Network>(host_, helper_.add(std::make_shared<Slow>(host_, world_)));
    class CancelWhenTold : public FakeCall {
    public:
        void progress(const sdk::Progress& progress) override
        {
            FakeCall::progress(progress);
            cancel();
        }
    };
    CancelWhenTold call;
    const auto attached = proxy->attach({host_.new_owner(), sdk::Egress::internet, "link:stream-socket"}, call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(to_string(attached.error().code), to_string(Code::cancelled)) << attached.error().message;
    ASSERT_EQ(call.told().size(), 1U);
    EXPECT_EQ(call.told().front().unit, "turns");
    EXPECT_EQ(call.warnings(), std::vector<std::string>{"it takes long"});
}

TEST_F(ServiceTest, WhatWaitsWhenItStopsIsNotBegun)
{
    class Gated : public FakeNetwork {
    public:
        using FakeNetwork::FakeNetwork;
        sdk::Result<std::vector<sdk::Handle>> list() override
        {
            ++begun;
            begun.notify_all();
            open.wait(false);
            return std::vector<sdk::Handle>();
        }
        std::atomic<int> begun = 0;
        std::atomic<bool> open = false;
    };
    constexpr int workers = 8;
    const auto gated = std::make_shared<Gated>(host_, world_);
    {
        PrivdInProcess helper;
        const json::Object wanted = params(helper.add(gated));
        std::vector<sdk::os::UniqueFd> sockets;
        for (int i = 0; i < static_cast<int>(PrivdInProcess::most_connections); ++i) {
            sockets.push_back(raw_to(helper));
            for (std::uint64_t id = 1; id <= 2; ++id)
                ASSERT_TRUE(sdk::os::write_all(sockets.back().get(),
                                               rpc::encode_request(id, "network/0 list", wanted.value())));
        }
        for (int now = 0; (now = gated->begun) < workers;)
            gated->begun.wait(now);
        EXPECT_EQ(gated->begun, workers);
        helper.stop();
        gated->open = true;
        gated->open.notify_all();
    }
    EXPECT_EQ(gated->begun, workers);
}

TEST(NoHelperTest, IsSaidByTheProbeWithWhatToDo)
{
    FakeHost host;
    auto made = stand_in(host.directory() + "/nobody.sock", {host.instance(), host.vms_directory()})({"storage/0", "dm"});
    ASSERT_TRUE(made);
    FakeCall call;
    const auto probe = (*made)->probe(call);
    ASSERT_TRUE(probe);
    EXPECT_FALSE(probe->usable);
    EXPECT_NE(probe->reason.find("not installed"), std::string::npos) << probe->reason;
    EXPECT_NE(probe->hint.find("banger system install"), std::string::npos) << probe->hint;
    const auto listed = dynamic_cast<sdk::Storage&>(**made).list();
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, Code::unavailable);
}

// A helper that dies in the middle of a call, once.
TEST(DyingHelperTest, WhatCanBeRepeatedIsAskedOnceMore)
{
    FakeHost host;
    auto listener = sdk::os::listen_unix(host.directory() + "/privd.sock");
    ASSERT_TRUE(listener);
    int connections = 0;
    std::thread helper([&] {
        for (int i = 0; i < 3; ++i) {
            const sdk::os::UniqueFd socket(::accept(listener->get(), nullptr, nullptr));
            std::array<char, 4096> bytes{};
            const auto got = ::read(socket.get(), bytes.data(), bytes.size());
            ++connections;
            if (got > 0 && i == 1)
                (void)sdk::os::write_all(socket.get(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"handles\":[]}}\n");
        }
    });
    auto made = stand_in(host.directory() + "/privd.sock", {host.instance(), host.vms_directory()})({"network/0", "tap"});
    ASSERT_TRUE(made);
    auto& network = dynamic_cast<sdk::Network&>(**made);
    const auto listed = network.list();
    EXPECT_TRUE(listed) << listed.error().message;
    EXPECT_EQ(connections, 2);
    FakeCall call;
    const auto attached = network.attach({host.new_owner(), sdk::Egress::internet, "link:tap"}, call);
    helper.join();
    ASSERT_FALSE(attached) << "twice is not once";
    EXPECT_EQ(attached.error().code, Code::unavailable);
    EXPECT_EQ(connections, 3);
}

// As one of an earlier banger answers what it does not know.
TEST(OlderHelperTest, MakesNoScopesAndIsAskedOnce)
{
    FakeHost host;
    auto listener = sdk::os::listen_unix(host.directory() + "/privd.sock");
    ASSERT_TRUE(listener);
    std::string asked;
    std::thread helper([&] {
        const sdk::os::UniqueFd socket(::accept(listener->get(), nullptr, nullptr));
        std::array<char, 4096> bytes{};
        asked.assign(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(::read(socket.get(), bytes.data(), bytes.size()), 0)));
        (void)sdk::os::write_all(socket.get(), rpc::encode_error("1", sdk::make_error(Code::invalid, "the helper has no such method")));
    });
    const auto older = scopes(host.directory() + "/privd.sock", {host.instance(), host.vms_directory()});
    FakeCall call;
    const units::ScopeSpec spec{host.new_owner(), {{1, 2}}};
    const auto refused = older->start(spec, call);
    helper.join();
    listener->reset();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unsupported) << refused.error().message;
    EXPECT_NE(refused.error().hint.find("banger system install"), std::string::npos);
    EXPECT_NE(asked.find(rpc::helper::probe_scopes_method), std::string::npos) << asked;
    const auto again = older->start(spec, call);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::unsupported) << "nobody listens any more: " << again.error().message;
}

TEST(NameInKernelTest, IsNoIdOfAnybodyAndEachHasAnother)
{
    EXPECT_EQ(name_in_kernel("0123abcd"), "g123abcd");
    EXPECT_EQ(name_in_kernel("f123abcd"), "v123abcd");
    EXPECT_NE(name_in_kernel("1123abcd"), name_in_kernel("2123abcd"));
}

}  // namespace
}  // namespace banger::privd
