// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/rpc/client.hpp"
#include "service_world.hpp"

namespace banger::daemon {
namespace {

class ServiceTest : public ServiceWorld {
protected:
    [[nodiscard]] std::string note_of(const model::VmRecord& vm) const
    {
        return owner_of(vm.id).directory + "/last-use";
    }
};

TEST_F(ServiceTest, StreamsAreNotedInOrderAndNotByWhoeverTellsOfThem)
{
    const auto web = add("aabbccddee01", "fake", "fake");
    const auto db = add("aabbccddee02", "fake", "fake");
    std::promise<void> reached;
    std::promise<void> go_on;
    // Whoever writes notes is held up.
    engine_->usage.on_quiet = [&](const std::string&) {
        reached.set_value();
        go_on.get_future().wait();
    };
    service_->stream_changed(web.id, true);
    service_->stream_changed(web.id, false);
    reached.get_future().wait();
    service_->stream_changed(db.id, true);
    EXPECT_FALSE(sdk::os::exists(note_of(db)));
    go_on.set_value();
    shut_down();
    EXPECT_EQ(*sdk::os::read_file(note_of(db)), "open\n");
    EXPECT_EQ(*sdk::os::read_file(note_of(web)), "");
}

TEST_F(ServiceTest, ManySessionsThatTakeTheirTimeToEndKeepNoMachineFromBeingStopped)
{
    constexpr int many = 40;
    std::promise<void> sessions_end;
    const auto end = sessions_end.get_future().share();
    for (int i = 0; i < many; ++i)
        service_->run_own("vm.session.stop", [end](lifecycle::Operation&) {
            end.wait();
            return sdk::Result<void>();
        });
    std::promise<void> stopped;
    service_->run_own("vm.stop", [&](lifecycle::Operation&) {
        stopped.set_value();
        return sdk::Result<void>();
    });
    EXPECT_EQ(stopped.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    sessions_end.set_value();
}

class NamesTest : public ServiceWorld {
protected:
    NamesTest() : ServiceWorld({"fakes", "fake-dns"}) {}
    std::size_t names() { return provider<sdk::Dns>("fake")->list()->size(); }
};

// A process that ends is an event, and its name is gone with what that begins: nothing is looked at again and again.
TEST_F(NamesTest, OfAMachineThatEndsByItselfGoesWithIt)
{
    const auto vm = add("aabbccddee03", "fake", "fake");
    sdk::os::Command command;
    command.argv = {"sleep", "1000"};
    command.die_with_parent = true;
    auto process = sdk::os::spawn(command);
    ASSERT_TRUE(process) << process.error().message;
    const auto machine = run_machine(*engine_, vm);
    ASSERT_TRUE(lifecycle::open_reach(*engine_, vm, call_));
    EXPECT_EQ(names(), 1U);

    std::promise<void> ended;
    service_->on_exit = [&](const std::string&) { ended.set_value(); };
    sdk::Handle vmm = machine;  // the fake has no process of its own
    vmm.bound = {{"pid", std::to_string(process->id().pid)}, {"start_time", std::to_string(process->id().start_time)}};
    service_->watch_exit(vm.id, vmm);
    ASSERT_TRUE(provider<sdk::Vmm>("fake")->release(machine));
    process->kill_group(SIGKILL);
    ASSERT_EQ(ended.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
    shut_down();  // after what that began
    EXPECT_EQ(names(), 0U);
    EXPECT_TRUE(process->wait());
}

/// What would be missed if the daemon ended, as it asks before it does.
class DaemonLoad : public ServiceTest {
protected:
    [[nodiscard]] std::size_t operations(std::chrono::milliseconds patience = {}) const
    {
        return service_->load_beside(own_, patience).operations;
    }
    /// An operation of the daemon's own that is under way until `end` has a value.
    void run_own(const std::string& verb, const std::shared_future<void>& end)
    {
        std::promise<void> begun;
        service_->run_own(verb, [&begun, end](lifecycle::Operation&) {
            begun.set_value();
            end.wait();
            return sdk::Result<void>();
        });
        begun.get_future().wait();
    }

    lifecycle::Operation own_{"daemon.stop", nullptr};
};

TEST_F(DaemonLoad, IsNotWhatNobodyAskedForUnlessItWaitsForAGuest)
{
    std::promise<void> end;
    const auto ended = end.get_future().share();
    for (const char* verb : {"ports", "names", "room", "settle", "vm.delete"})
        run_own(verb, ended);
    EXPECT_EQ(operations(), 0U);
    run_own("vm.stop", ended);
    EXPECT_EQ(operations(), 1U);
    end.set_value();
}

TEST_F(DaemonLoad, IsNotWhatIsAboutToEnd)
{
    std::promise<void> end;
    run_own("vm.stop", end.get_future().share());
    auto load = std::async(std::launch::async, [&] { return operations(std::chrono::seconds(60)); });
    EXPECT_EQ(load.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout) << "nobody waited for its end";
    end.set_value();
    EXPECT_EQ(load.get(), 0U);
}

TEST_F(DaemonLoad, IsNotWhatHasItsAnswer)
{
    const std::string socket = directory_.path() + "/socket";
    auto listener = sdk::os::listen_unix(socket);
    ASSERT_TRUE(listener) << listener.error().message;
    rpc::Server server(loop_, std::move(*listener),
                       [this](const std::shared_ptr<rpc::Exchange>& exchange) { service_->handle(exchange); });
    auto client = rpc::Client::connect(socket);
    ASSERT_TRUE(client) << client.error().message;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(client->call("vm.list", json::Object()));
        ASSERT_EQ(operations(), 0U) << "after " << i << " calls";
    }
    json::Object only_if_idle;
    only_if_idle.set("if_idle", true);
    EXPECT_TRUE(client->call("daemon.stop", only_if_idle));
}

}  // namespace
}  // namespace banger::daemon
