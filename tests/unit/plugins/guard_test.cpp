// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/guard.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <latch>

#include "banger/sdk/testing/fake_guest.hpp"
#include "core/base/call_context.hpp"
#include "core/base/fault.hpp"
#include "core/plugins/guarded.hpp"
#include "core/plugins/kinds.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

using namespace std::chrono_literals;
using base::CallContext;
using Storage = std::shared_ptr<sdk::Storage>;

// The good plugin, told to misbehave in one method.
class GuardTest : public testing::Test {
protected:
    template <typename Interface = sdk::Storage>
    std::shared_ptr<Interface> misbehaving(const std::string& how, const std::string& method)
    {
        plugins_.settings.config["good"] = {R"({"misbehave":")" + how + R"(","method":")" + method + R"("})", {}};
        plugins_.open();
        auto made = plugins_->get<Interface>("good");
        EXPECT_TRUE(made) << (made ? "" : made.error().message);
        return made ? *made : nullptr;
    }
    // For calls that hang: soon. What is loaded and made in front of them has its time.
    void hurry()
    {
        plugins_.settings.deadlines.query = 50ms;
        plugins_.settings.deadlines.change = 50ms;
        plugins_.settings.deadlines.fetch = 50ms;
        plugins_.settings.deadlines.apply = 50ms;
        plugins_.settings.deadlines.grace = 50ms;
    }
    sdk::DiskSpec spec()
    {
        sdk::DiskSpec spec;
        spec.owner = host_.new_owner();
        spec.role = "root";
        return spec;
    }

    sdk::testing::FakeHost host_;
    TestRegistry plugins_{{"good"}};
};

TEST_F(GuardTest, AWorkingProviderWorks)
{
    const auto storage = misbehaving("no", "none");
    std::vector<std::string> stages;
    CallContext call([&](const sdk::Progress& step) { stages.push_back(step.stage); });
    const auto disk = spec();
    EXPECT_EQ(storage->plan(disk)->size(), 1U);
    ASSERT_TRUE(storage->create(disk, call));
    EXPECT_TRUE(sdk::os::exists(disk.owner.directory + "/root.disk"));
    const auto attached = storage->attach(disk, call);
    ASSERT_TRUE(attached);
    EXPECT_EQ(attached->handle.key, "root");
    EXPECT_EQ(stages, std::vector<std::string>{"attach"}) << "progress arrives";
    EXPECT_TRUE(storage->inspect(attached->handle)->present);
    EXPECT_TRUE(storage->release(attached->handle));
    EXPECT_FALSE(storage->inspect(attached->handle)->present);
    EXPECT_TRUE(storage->list()->empty());
    EXPECT_TRUE(storage->destroy(disk.owner, "root"));
    EXPECT_FALSE(sdk::os::exists(disk.owner.directory + "/root.disk"));
}

TEST_F(GuardTest, AProvidersOwnErrorPassesUntouched)
{
    const auto storage = misbehaving("fail", "attach");
    CallContext call;
    const auto attached = storage->attach(spec(), call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, sdk::Code::no_space);
    EXPECT_EQ(attached.error().message, "the disk is full");
    EXPECT_EQ(attached.error().hint, "make room");
}

TEST_F(GuardTest, WhatIsThrownNamesThePluginAndTheNextCallGoesOn)
{
    const auto storage = misbehaving("throw", "release");
    const auto released = storage->release({});
    ASSERT_FALSE(released);
    EXPECT_EQ(released.error().code, sdk::Code::plugin);
    EXPECT_EQ(released.error().message, "plugin 'good' threw in release: as told");
    EXPECT_TRUE(storage->list());
}

TEST_F(GuardTest, EvenAThrownNumber)
{
    const auto storage = misbehaving("throw-odd", "list");
    EXPECT_EQ(storage->list().error().message, "plugin 'good' threw in list: something that is no std::exception");
}

TEST_F(GuardTest, AHangIsWrittenOffAndThePluginQuarantined)
{
    hurry();
    const auto storage = misbehaving("hang", "inspect");
    const auto images = *plugins_->get<sdk::ImageSource>("good");
    const auto hung = storage->inspect({});
    ASSERT_FALSE(hung);
    EXPECT_EQ(hung.error().code, sdk::Code::plugin);
    EXPECT_EQ(hung.error().message.rfind("plugin 'good' hangs: its inspect did not return within 0", 0), 0U)
        << hung.error().message;

    const auto started = std::chrono::steady_clock::now();
    const auto refused = storage->list();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.rfind("plugin 'good' is out of use: its inspect did not return within", 0), 0U);
    EXPECT_FALSE(refused.error().hint.empty());
    CallContext call;
    EXPECT_FALSE(images->probe(call)) << "every provider of the plugin";
    EXPECT_FALSE(plugins_->get<sdk::Provisioner>("good"));
    EXPECT_LT(std::chrono::steady_clock::now() - started, 5s) << "refused at once";

    const auto status = plugins_->list().front();
    EXPECT_EQ(status.state, PluginState::quarantined);
    EXPECT_EQ(status.problem->message, refused.error().message);
}

TEST_F(GuardTest, AHangThatCouldSeeItsDeadlineIsWrittenOffAfterTheGrace)
{
    hurry();
    const auto storage = misbehaving("hang", "attach");
    CallContext call;
    EXPECT_EQ(storage->attach(spec(), call).error().message.rfind("plugin 'good' hangs", 0), 0U);
}

TEST_F(GuardTest, ACallThatHeedsItsDeadlineIsATimeOutAndNoMore)
{
    plugins_.settings.deadlines.change = 50ms;
    const auto storage = misbehaving("wait", "attach");
    CallContext call;
    const auto attached = storage->attach(spec(), call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().code, sdk::Code::timed_out);
    EXPECT_EQ(attached.error().message, "plugin 'good' did not finish its attach within 0 s");
    EXPECT_TRUE(storage->list()) << "not quarantined";
}

TEST_F(GuardTest, CancellingReachesTheCall)
{
    const auto storage = misbehaving("wait", "create");
    CallContext call;
    auto waiting = std::async(std::launch::async, [&] { return storage->create(spec(), call).error(); });
    call.cancel();
    EXPECT_EQ(waiting.get().code, sdk::Code::cancelled);
    EXPECT_TRUE(storage->list());
}

TEST_F(GuardTest, ACancelledCallerStartsNothing)
{
    const auto storage = misbehaving("no", "none");
    CallContext call;
    call.cancel();
    const auto disk = spec();
    EXPECT_EQ(storage->create(disk, call).error().code, sdk::Code::cancelled);
    EXPECT_FALSE(sdk::os::exists(disk.owner.directory + "/root.disk"));
}

TEST_F(GuardTest, AWrittenOffCallTouchesNothingOfItsCaller)
{
    plugins_.settings.deadlines.change = 1s;
    plugins_.settings.deadlines.grace = 0ms;
    const auto storage = misbehaving("slow-progress", "attach");
    // Ends as soon as it sees the cancellation, hangs after that, and has a caller that is long gone.
    std::atomic<std::uint64_t> told = 0;
    {
        CallContext call([&](const sdk::Progress&) { ++told; });
        EXPECT_FALSE(storage->attach(spec(), call));
    }
    const auto then = told.load();
    EXPECT_GT(then, 0U);
    EXPECT_EQ(told.load(), then);
}

TEST_F(GuardTest, AnImageIsWrittenThroughADescriptorOfItsOwn)
{
    const auto images = misbehaving<sdk::ImageSource>("no", "none");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const sdk::os::UniqueFd reader(ends[0]);
    sdk::os::UniqueFd writer(ends[1]);
    CallContext call;
    sdk::ImageRequest request;
    request.output = writer.get();
    const auto stream = images->fetch(request, call);
    ASSERT_TRUE(stream);
    EXPECT_NE(stream->facts.at("output"), std::to_string(writer.get()));
    writer.reset();
    std::string text(100, '\0');
    text.resize(static_cast<std::size_t>(::read(reader.get(), text.data(), text.size())));
    EXPECT_EQ(text, "an image");
    EXPECT_EQ(::read(reader.get(), text.data(), text.size()), 0) << "the guard's descriptor is closed too";
    request.output = -1;
    EXPECT_FALSE(images->fetch(request, call));
}

TEST_F(GuardTest, AProvisionerReachesTheGuest)
{
    const auto provisioner = misbehaving<sdk::Provisioner>("no", "none");
    sdk::testing::FakeGuest guest;
    std::vector<std::string> warnings;
    CallContext call;
    call.on_warning([&](const std::string& message) { warnings.push_back(message); });
    ASSERT_TRUE(provisioner->apply({host_.new_owner(), "web", {}}, guest, call));
    ASSERT_EQ(guest.commands().size(), 1U);
    EXPECT_EQ(guest.commands().front().argv, (std::vector<std::string>{"echo", "web"}));
    EXPECT_EQ(guest.links().at("/root/a"), "b");
    EXPECT_EQ(guest.files().at("/root/name").first, "web");
    EXPECT_EQ(warnings, std::vector<std::string>{"this is web"}) << "warnings arrive";
}

TEST_F(GuardTest, TheFaultSeamIsBeforeAndAfterEveryChange)
{
    const auto storage = misbehaving("no", "none");
    CallContext call;
    const auto disk = spec();
    {
        const base::fault::Armed armed({});
        ASSERT_TRUE(storage->create(disk, call));
        ASSERT_TRUE(storage->plan(disk));
        const auto attached = storage->attach(disk, call);
        ASSERT_TRUE(storage->inspect(attached->handle));
        ASSERT_TRUE(storage->list());
        ASSERT_TRUE(storage->release(attached->handle));
        ASSERT_TRUE(storage->destroy(disk.owner, disk.role));
        EXPECT_EQ(base::fault::reached(), 10U);
    }
    {
        const base::fault::Armed armed({base::fault::Action::error, 1, ""});
        EXPECT_EQ(storage->create(disk, call).error().message,
                  "injected fault at point 1: before storage/0 good create");
        EXPECT_FALSE(sdk::os::exists(disk.owner.directory + "/root.disk")) << "not made";
    }
    {
        const base::fault::Armed armed({base::fault::Action::error, 2, ""});
        EXPECT_EQ(storage->create(disk, call).error().message,
                  "injected fault at point 2: after storage/0 good create");
        EXPECT_TRUE(sdk::os::exists(disk.owner.directory + "/root.disk")) << "made, but reported failed";
    }
}

TEST_F(GuardTest, ManyCallsAtOnceEachHaveAThread)
{
    const auto storage = misbehaving("wait", "create");
    std::vector<std::unique_ptr<CallContext>> calls;
    std::vector<std::future<sdk::Code>> waiting;
    for (int i = 0; i < 100; ++i) {
        calls.push_back(std::make_unique<CallContext>());
        waiting.push_back(std::async(std::launch::async, [this, storage, call = calls.back().get()] {
            return storage->create(spec(), *call).error().code;
        }));
    }
    for (auto& call : calls)
        call->cancel();
    for (auto& one : waiting)
        EXPECT_EQ(one.get(), sdk::Code::cancelled);
}

TEST_F(GuardTest, ThreadsAreUsedAgain)
{
    const auto storage = misbehaving("no", "none");
    CallContext call;
    const auto first = storage->probe(call)->facts.at("thread");
    bool again = false;
    for (int i = 0; i < 100 && !again; ++i)
        again = storage->probe(call)->facts.at("thread") == first;
    EXPECT_TRUE(again);
}

TEST_F(GuardTest, AProviderThatHangsInItsDestructorHoldsNobodyUp)
{
    hurry();
    auto storage = misbehaving("hang", "end");
    const auto started = std::chrono::steady_clock::now();
    storage.reset();
    plugins_.registry.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - started, 5s);
}

TEST(CallThreads, AJobRunsOnceEach)
{
    std::atomic<int> ran = 0;
    std::latch done(500);
    {
        CallThreads threads(2);
        for (int i = 0; i < 500; ++i)
            ASSERT_TRUE(threads.run([&] {
                ++ran;
                done.count_down();
            }));
    }
    done.wait();
    EXPECT_EQ(ran, 500);
}

}  // namespace
}  // namespace banger::plugins
