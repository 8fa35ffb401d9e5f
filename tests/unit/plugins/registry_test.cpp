// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/registry.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <future>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_storage.hpp"
#include "banger/sdk/version.hpp"
#include "core/base/call_context.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

using base::CallContext;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Registry, LoadsOnlyWhatIsAskedFor)
{
    TestRegistry plugins({"good", "crash-on-load"});
    EXPECT_EQ(plugins->show("good")->state, PluginState::found);
    ASSERT_TRUE(plugins->get<sdk::Storage>("good"));
    EXPECT_EQ(plugins->show("good")->state, PluginState::loaded);
    EXPECT_EQ(plugins->show("crash-on-load")->state, PluginState::found);
    EXPECT_EQ(*plugins->get<sdk::Storage>("good"), *plugins->get<sdk::Storage>("good")) << "made once";
}

TEST(Registry, APluginThatNeedsRootIsNotLoadedWhereSomethingStandsForIt)
{
    TestRegistry plugins({});
    // The same library, which says in its sidecar that it is for root.
    const std::string copy = plugins.directory.path() + "/plugins";
    ASSERT_TRUE(sdk::os::make_directories(copy));
    ASSERT_EQ(::symlink((test_plugin("good") + "/good.so").c_str(), (copy + "/good.so").c_str()), 0);
    auto sidecar = *sdk::os::read_file(test_plugin("good") + "/good.plugin.json");
    sidecar.insert(sidecar.find('{') + 1, R"("needs_root": true, )");
    ASSERT_TRUE(sdk::os::write_file_atomic(copy + "/good.plugin.json", sidecar));
    plugins.settings.directories = {copy};
    sdk::testing::FakeHost host;
    std::vector<CapabilityName> asked;
    plugins.settings.stand_in = [&](const CapabilityName& wanted) -> sdk::Result<std::unique_ptr<sdk::Provider>> {
        asked.push_back(wanted);
        return std::unique_ptr<sdk::Provider>(
            std::make_unique<sdk::testing::FakeStorage>(host, std::make_shared<sdk::testing::FakeStorageWorld>()));
    };
    const auto storage = plugins->get<sdk::Storage>("good");
    ASSERT_TRUE(storage) << storage.error().message;
    CallContext call;
    EXPECT_EQ((*storage)->probe(call)->reason, "a fake for tests");
    EXPECT_EQ(asked, (std::vector<CapabilityName>{{"storage/0", "good"}}));
    EXPECT_EQ(plugins->show("good")->state, PluginState::found) << "not loaded";

    TestRegistry direct({});
    direct.settings.directories = {copy};
    ASSERT_TRUE(direct->get<sdk::Storage>("good"));
    EXPECT_EQ(direct->show("good")->state, PluginState::loaded);
}

TEST(Registry, AMisspeltNameGetsASuggestion)
{
    TestRegistry plugins({"good"});
    const auto none = plugins->get<sdk::Storage>("godo");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, sdk::Code::not_found);
    EXPECT_EQ(none.error().message, "there is no storage 'godo'");
    EXPECT_EQ(none.error().hint, "did you mean 'good'?");
    EXPECT_EQ(plugins->get<sdk::Vmm>("qemu").error().hint, "no plugin offers one: see `banger plugin list`");
    EXPECT_EQ(plugins->show("goood").error().hint, "did you mean 'good'?");
}

TEST(Registry, BrokenPluginsAreListedAndStopNobodyElse)
{
    TestRegistry plugins({"good", "wrong-abi", "no-section", "factories"});
    ASSERT_TRUE(plugins->get<sdk::Storage>("good"));
    std::map<std::string, PluginStatus> all;
    for (auto& status : plugins->list())
        all.emplace(status.id, status);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all.at("good").state, PluginState::loaded);
    EXPECT_EQ(all.at("good").version, "0.1.0");
    EXPECT_FALSE(all.at("good").problem);
    EXPECT_EQ(all.at("wrong-abi").state, PluginState::broken);
    EXPECT_THAT(all.at("wrong-abi").problem->message, HasSubstr("does not fit this banger"));
    EXPECT_EQ(all.at("no-section").state, PluginState::broken);
    EXPECT_EQ(all.at("factories").capabilities.back(), (CapabilityName{"zebra/7", "new"})) << "unknown kinds are shown";

    const auto wrong = plugins->get<sdk::Storage>("wrong-abi");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, sdk::Code::plugin);
    EXPECT_EQ(wrong.error().during, std::vector<std::string>{"look for storage 'wrong-abi'"});
    EXPECT_EQ(plugins->names("storage/0"),
              (std::vector<std::string>{"good", "hangs", "liar", "nothing", "refuses", "throws"}));
}

TEST(Registry, ALibraryThatLiesIsRefusedAfterLoading)
{
    const std::vector<std::pair<std::string, std::string>> cases{
        {"lying-abi", "its library says fingerprint libc++;abi=1 and not " BANGER_SDK_CXX_ABI},
        {"lying-version", "its library says version 9.9.9 and not 0.1.0"},
        {"lying-kinds", "its library offers other kinds than its sidecar lists"},
        {"no-symbol", "it does not export banger_plugin_v0"},
    };
    for (const auto& [name, why] : cases) {
        TestRegistry plugins({name});
        for (int times = 0; times < 2; ++times) {
            const auto made = plugins->get<sdk::Storage>(name);
            ASSERT_FALSE(made) << name;
            EXPECT_EQ(made.error().code, sdk::Code::plugin);
            EXPECT_EQ(made.error().message, "plugin '" + name + "' cannot be loaded: " + why);
        }
        EXPECT_EQ(plugins->list().front().state, PluginState::broken);
    }
}

TEST(Registry, AMissingSymbolIsFoundWhenLoadingAndNotWhenCalling)
{
    TestRegistry plugins({"unresolved"});
    const auto made = plugins->get<sdk::Storage>("unresolved");
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, StartsWith("plugin 'unresolved' cannot be loaded: "));
    EXPECT_THAT(made.error().message, HasSubstr("a_function_that_nobody_defines"));
}

TEST(Registry, WhatFactoriesDoWrongIsSaid)
{
    TestRegistry plugins({"factories"});
    plugins.settings.deadlines.open = std::chrono::seconds(1);
    const auto message = [&](const std::string& name) {
        const auto made = plugins->get<sdk::Storage>(name);
        EXPECT_FALSE(made) << name;
        return made ? "" : made.error().message;
    };
    EXPECT_EQ(message("throws"), "plugin 'factories' threw in make: the factory is on fire");
    EXPECT_EQ(message("nothing"), "plugin 'factories' made nothing and said no reason");
    EXPECT_EQ(message("liar"), "what its factory made is no storage/0 provider");
    EXPECT_EQ(message("refuses"), "the moon is not full");
    EXPECT_EQ(plugins->get<sdk::Storage>("refuses").error().hint, "wait for it");
    EXPECT_EQ(plugins->provider("zebra/7", "new").error().code, sdk::Code::plugin);
    EXPECT_THAT(message("hangs"), StartsWith("plugin 'factories' hangs: its make did not return within"));
    EXPECT_THAT(message("refuses"), StartsWith("plugin 'factories' is out of use"));
}

TEST(Registry, AWrongSettingBreaksOnlyItsPlugin)
{
    TestRegistry plugins({"good", "factories"}, R"({"level":99})");
    const auto made = plugins->get<sdk::Storage>("good");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message, "/c.toml:7: level in [plugin.good] cannot be 99: it must be at most 9");
    EXPECT_EQ(plugins->show("good")->state, PluginState::broken);
    EXPECT_EQ(plugins->show("factories")->state, PluginState::found);
}

TEST(RegistryChoice, TheProblemOfTheOnlyOneIsSaidAndItsNameSuggested)
{
    TestRegistry plugins({"good"}, R"({"levle":1})");
    CallContext call;
    const auto any = plugins->choose("storage/0", "auto", call);
    ASSERT_FALSE(any);
    EXPECT_THAT(any.error().message, HasSubstr("/c.toml:7"));
    EXPECT_THAT(any.error().message, HasSubstr("levle"));
    EXPECT_THAT(any.error().hint, HasSubstr("level"));
    EXPECT_EQ(any.error().during, std::vector<std::string>{"look for storage 'good'"});
    EXPECT_EQ(plugins->choose("storage/0", "godo", call).error().hint, "did you mean 'good'?");
}

TEST(RegistryChoice, ABrokenOneIsAmongTheReasons)
{
    TestRegistry plugins({"good", "wrong-abi"}, R"({"method":"unusable"})");
    CallContext call;
    const auto any = plugins->choose("storage/0", "auto", call);
    ASSERT_FALSE(any);
    EXPECT_THAT(any.error().message, StartsWith("no storage can be used here: good: told to be unusable; wrong-abi: "));
    EXPECT_THAT(any.error().message, HasSubstr("does not fit this banger"));
}

TEST(Registry, ASectionForNobodyIsAProblem)
{
    TestRegistry plugins({"good"});
    const auto problems = plugins->check_config({{"goood", {"{}", {{"", "/c.toml:9"}}}}});
    ASSERT_EQ(problems.size(), 1U);
    EXPECT_EQ(problems.front().message, "/c.toml:9: there is no plugin 'goood' to configure");
    EXPECT_EQ(problems.front().hint, "did you mean 'good'?");
}

TEST(Registry, APluginSeesItsHostAndItsSettings)
{
    std::vector<std::string> lines;
    TestRegistry plugins({"good"}, R"({"level":5})");
    plugins.settings.log = [&](sdk::LogLevel level, const std::string& plugin, std::string_view message) {
        EXPECT_EQ(level, sdk::LogLevel::debug);
        lines.push_back(plugin + ": " + std::string(message));
    };
    const auto storage = plugins->get<sdk::Storage>("good");
    ASSERT_TRUE(storage);
    CallContext call;
    const std::string config = R"({"level":5,"misbehave":"no","method":"attach","nested":{"depth":7}})";
    EXPECT_EQ((*storage)->probe(call)->facts.at("config"), config);
    EXPECT_EQ(plugins->show("good")->config, config);
    EXPECT_EQ(lines, std::vector<std::string>{"good: made with " + config});
}

TEST(Registry, PluginsHaveACacheOfTheirOwn)
{
    const sdk::testing::TemporaryDirectory directory;
    PluginHost host({"good", "0123abcd", directory.path() + "/cache/good", "/vms", {}});
    EXPECT_EQ(host.cache_directory(), directory.path() + "/cache/good");
    EXPECT_TRUE(sdk::os::exists(directory.path() + "/cache/good"));
    EXPECT_EQ(host.instance(), "0123abcd");
    EXPECT_EQ(host.vms_directory(), "/vms");
    host.log(sdk::LogLevel::error, "nobody listens");
}

TEST(Registry, ManyCallersOfOneProviderMakeItOnce)
{
    std::atomic<int> made = 0;
    TestRegistry plugins({"good"});
    plugins.settings.log = [&](sdk::LogLevel, const std::string&, std::string_view) { ++made; };
    plugins.open();
    std::vector<std::future<bool>> callers;
    for (int i = 0; i < 16; ++i)
        callers.push_back(
            std::async(std::launch::async, [&] { return plugins->get<sdk::Storage>("good").has_value(); }));
    for (auto& caller : callers)
        EXPECT_TRUE(caller.get());
    EXPECT_EQ(made, 1);
}

TEST(RegistryChoice, AutoTakesTheFirstThatIsUsableAndSaysWhyNotTheOthers)
{
    TestRegistry plugins({"absent", "factories", "good"});
    plugins.settings.deadlines.change = std::chrono::seconds(20);
    CallContext call;
    const auto choice = plugins->choose("storage/0", "auto", call);
    ASSERT_TRUE(choice) << choice.error().message;
    EXPECT_EQ(choice->name, "good");
    EXPECT_TRUE(choice->automatic);
    EXPECT_EQ(choice->probe.reason, "a plugin for tests");
    ASSERT_EQ(choice->rejected.size(), 2U) << "those after it are not asked";
    EXPECT_EQ(choice->rejected[0].name, "absent");
    EXPECT_EQ(choice->rejected[0].reason, "this host has no tape drive");
    EXPECT_EQ(choice->rejected[0].hint, "connect one");
    EXPECT_EQ(choice->rejected[1].name, "closed");
    EXPECT_EQ(choice->rejected[1].reason, "the archive is closed");
    EXPECT_EQ(choice->rejected[1].hint, "come back tomorrow");
}

TEST(RegistryChoice, CandidatesAreThoseThatAreUsableOrTheOneThatIsNamed)
{
    TestRegistry plugins({"good"});
    CallContext call;
    for (const char* wanted : {"auto", "good"}) {
        const auto found = plugins->candidates("storage/0", wanted, call);
        ASSERT_TRUE(found) << found.error().message;
        ASSERT_EQ(found->size(), 1U);
        EXPECT_EQ(found->front().name, "good");
        EXPECT_EQ(found->front().automatic, wanted == std::string("auto"));
    }
    EXPECT_EQ(plugins->candidates("storage/0", "godo", call).error().code, sdk::Code::not_found);
    EXPECT_EQ(plugins->candidates("vmm/0", "auto", call).error().code, sdk::Code::unsupported);
}

TEST(RegistryChoice, ANamedOneMustBeUsable)
{
    TestRegistry plugins({"good"}, R"({"method":"unusable"})");
    CallContext call;
    const auto named = plugins->choose("storage/0", "good", call);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, sdk::Code::unsupported);
    EXPECT_EQ(named.error().message, "storage 'good' cannot be used here: told to be unusable");
    EXPECT_EQ(named.error().hint, "configure it otherwise");
    const auto any = plugins->choose("storage/0", "auto", call);
    ASSERT_FALSE(any);
    EXPECT_EQ(any.error().message, "no storage can be used here: good: told to be unusable");
    EXPECT_EQ(plugins->choose("vmm/0", "auto", call).error().message, "there is no vmm provider");
    EXPECT_EQ(plugins->choose("storage/0", "godo", call).error().code, sdk::Code::not_found);
}

TEST(RegistryChoice, WhatIsWrongWithTheOnlyPluginIsSaidByWhoeverWantsIt)
{
    TestRegistry plugins({"good"}, R"({"levle":3})");
    plugins.settings.config["good"].where["/levle"] = "/c.toml:8";
    CallContext call;
    for (const char* wanted : {"auto", "good"}) {
        const auto choice = plugins->choose("storage/0", wanted, call);
        ASSERT_FALSE(choice);
        EXPECT_THAT(choice.error().message, StartsWith("/c.toml:8")) << wanted;
        EXPECT_THAT(choice.error().message, HasSubstr("levle")) << wanted;
        EXPECT_THAT(choice.error().hint, HasSubstr("level")) << wanted;
    }
    EXPECT_EQ(plugins->choose("storage/0", "godo", call).error().hint, "did you mean 'good'?") << "broken, but meant";
    EXPECT_TRUE(plugins->names("storage/0").empty());
}

TEST(RegistryChoice, ABrokenPluginIsNamedBesideThoseThatCannotWork)
{
    TestRegistry plugins({"good", "wrong-abi"}, R"({"method":"unusable"})");
    CallContext call;
    const auto any = plugins->choose("storage/0", "auto", call);
    ASSERT_FALSE(any);
    EXPECT_THAT(any.error().message, HasSubstr("good: told to be unusable; wrong-abi: "));
    EXPECT_EQ(any.error().hint, "configure it otherwise");
}

TEST(RegistryChoice, AUsableProviderIsProbedOnce)
{
    TestRegistry plugins({"good"});
    CallContext call;
    ASSERT_TRUE(plugins->probe("storage/0", "good", call));
    call.cancel();
    EXPECT_TRUE(plugins->probe("storage/0", "good", call)) << "known, so nothing is asked";
}

}  // namespace
}  // namespace banger::plugins
