// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

template <typename T>
T parsed(const Words& words)
{
    auto line = parse_command_line(words);
    EXPECT_TRUE(line) << line.error().message;
    if (!line || !std::holds_alternative<T>(line->command))
        throw std::runtime_error("another command than expected");
    return std::get<T>(std::move(line->command));
}

sdk::Error refused(const Words& words)
{
    auto line = parse_command_line(words);
    EXPECT_FALSE(line) << "should be refused";
    if (line)
        throw std::runtime_error("accepted");
    EXPECT_EQ(line.error().code, sdk::Code::invalid);
    EXPECT_FALSE(line.error().hint.empty()) << line.error().message;
    return line.error();
}

TEST(CommandLine, RunTakesASpecAndACommand)
{
    const auto run = parsed<VmRun>({"vm",
                                    "run",
                                    "--name",
                                    "web",
                                    "--image",
                                    "debian-bookworm",
                                    "--kernel=debian-cloud",
                                    "--vcpu",
                                    "1",
                                    "--memory",
                                    "512",
                                    "--disk",
                                    "20G",
                                    "--env",
                                    "A=b=c",
                                    "-e",
                                    "EMPTY=",
                                    "--egress",
                                    "none",
                                    "--init",
                                    "banger",
                                    "--ready",
                                    "agent",
                                    "--vmm",
                                    "qemu",
                                    "--storage",
                                    "file",
                                    "--network",
                                    "user",
                                    "--rm",
                                    "--",
                                    "sh",
                                    "-c",
                                    "exit 42\n"});
    EXPECT_EQ(run.spec.name, "web");
    EXPECT_EQ(run.spec.image, "debian-bookworm");
    EXPECT_EQ(run.spec.kernel, "debian-cloud");
    EXPECT_EQ(run.spec.vcpus, 1U);
    EXPECT_EQ(run.spec.memory_mib, 512U);
    EXPECT_EQ(run.spec.disk_bytes, 20ULL << 30U);
    EXPECT_EQ(run.spec.environment.at("A"), "b=c");
    EXPECT_EQ(run.spec.environment.at("EMPTY"), "");
    EXPECT_EQ(run.spec.egress, sdk::Egress::none);
    EXPECT_EQ(run.spec.init, model::Init::banger);
    EXPECT_EQ(run.spec.ready, model::Ready::agent);
    EXPECT_EQ(run.spec.vmm, "qemu");
    EXPECT_EQ(run.spec.storage, "file");
    EXPECT_EQ(run.spec.network, "user");
    EXPECT_EQ(run.spec.removal, model::Removal::with_session);
    EXPECT_FALSE(run.detach);
    EXPECT_THAT(run.command, ElementsAre("sh", "-c", "exit 42\n"));
}

TEST(CommandLine, WhatIsNotGivenIsNotSet)
{
    const auto run = parsed<VmRun>({"vm", "run"});
    EXPECT_TRUE(run.spec.name.empty());
    EXPECT_FALSE(run.spec.vcpus || run.spec.memory_mib || run.spec.disk_bytes);
    EXPECT_FALSE(run.spec.egress || run.spec.init || run.spec.ready);
    EXPECT_EQ(run.spec.removal, model::Removal::never);
    EXPECT_TRUE(run.command.empty());
}

TEST(CommandLine, AnEntrypointStandsInForTheImages)
{
    const auto run = parsed<VmRun>({"vm", "run", "--entrypoint", "/bin/sh", "--", "-c", "id"});
    EXPECT_EQ(run.entrypoint, "/bin/sh");
    EXPECT_THAT(run.command, ElementsAre("-c", "id"));
    EXPECT_THAT(refused({"vm", "run", "-d", "--entrypoint", "/bin/sh"}).message, HasSubstr("detached"));
}

TEST(CommandLine, RemovalOfADetachedVmIsItsOwnStop)
{
    EXPECT_EQ(parsed<VmRun>({"vm", "run", "-d", "--rm"}).spec.removal, model::Removal::when_stopped);
    EXPECT_TRUE(parsed<VmRun>({"vm", "run", "-d"}).detach);
}

TEST(CommandLine, MemoryIsMebibytesOrASize)
{
    EXPECT_EQ(parsed<VmRun>({"vm", "run", "--memory", "1G"}).spec.memory_mib, 1024U);
    EXPECT_THAT(refused({"vm", "run", "--memory", "0"}).message, HasSubstr("--memory"));
    EXPECT_THAT(refused({"vm", "run", "--memory", "-5"}).message, HasSubstr("--memory"));
    EXPECT_THAT(refused({"vm", "run", "--memory", "999999999"}).message, HasSubstr("on this host"));
    EXPECT_THAT(refused({"vm", "run", "--memory", "1.3M"}).message, HasSubstr("--memory"));
}

TEST(CommandLine, ImpossibleSizesAreRefused)
{
    for (const char* vcpu : {"0", "-1", "1000000", "two", "1.5", ""})
        EXPECT_THAT(refused({"vm", "run", "--vcpu", vcpu}).message, HasSubstr("--vcpu")) << vcpu;
    for (const char* disk : {"0", "-1G", "1", "100P", "8X", "", "1073741825"})
        EXPECT_THAT(refused({"vm", "run", "--disk", disk}).message, HasSubstr("--disk")) << disk;
}

TEST(CommandLine, BadNamesAreRefused)
{
    for (const char* name : {"", "Web", "a_b", "-a", "a-", "a.b", "1234", "a b"})
        EXPECT_FALSE(refused({"vm", "run", "--name=" + std::string(name)}).message.empty());
}

TEST(CommandLine, UnknownWordsGetTheNearest)
{
    EXPECT_THAT(refused({"vn", "list"}).hint, HasSubstr("banger vm"));
    EXPECT_THAT(refused({"vm", "lst"}).hint, HasSubstr("banger vm list"));
    EXPECT_THAT(refused({"run"}).hint, HasSubstr("banger vm run"));
    EXPECT_THAT(refused({"vm", "run", "--memroy", "1"}).hint, HasSubstr("--memory"));
    EXPECT_THAT(refused({"vm", "run", "--egress", "internt"}).hint, HasSubstr("internet"));
    EXPECT_THAT(refused({"vm", "run", "--ready", "never"}).message, HasSubstr("agent or system"));
    EXPECT_THAT(refused({"vm", "list", "-o", "jsn"}).hint, HasSubstr("json"));
    EXPECT_THAT(refused({"--frobnicate"}).message, HasSubstr("--frobnicate"));
    EXPECT_THAT(refused({"vm"}).message, HasSubstr("needs a command"));
}

TEST(CommandLine, NoOptionIsGuessedFromItsBeginning)
{
    EXPECT_THAT(refused({"vm", "run", "--mem", "512"}).hint, HasSubstr("--memory"));
}

TEST(CommandLine, ACommandNeedsItsSeparator)
{
    EXPECT_THAT(refused({"vm", "exec", "web", "ls"}).hint, HasSubstr("banger vm exec web -- ls"));
    EXPECT_THAT(refused({"vm", "exec", "web", "ls", "-la"}).hint, HasSubstr("banger vm exec web -- ls"));
    EXPECT_THAT(refused({"vm", "run", "uname", "-a"}).hint, HasSubstr("banger vm run -- uname"));
    EXPECT_THAT(refused({"vm", "exec", "web"}).message, HasSubstr("needs a command"));
    EXPECT_THAT(refused({"vm", "exec", "web", "--"}).message, HasSubstr("no command"));
    EXPECT_THAT(refused({"vm", "list", "--", "x"}).message, HasSubstr("nothing after"));
    EXPECT_THAT(refused({"vm", "run", "-d", "--", "true"}).message, HasSubstr("detached"));
}

TEST(CommandLine, OperandsAreCounted)
{
    EXPECT_THAT(refused({"vm", "show"}).message, HasSubstr("needs a VM"));
    EXPECT_THAT(refused({"vm", "show", "a", "b"}).message, HasSubstr("'b'"));
    EXPECT_THAT(refused({"vm", "show", ""}).message, HasSubstr("empty"));
    EXPECT_THAT(parsed<VmDelete>({"vm", "delete", "a", "b", "-f"}).vms, ElementsAre("a", "b"));
    EXPECT_TRUE(parsed<VmDelete>({"vm", "delete", "a", "-f"}).force);
}

TEST(CommandLine, ExecTakesCombinedLetters)
{
    const auto exec = parsed<VmExec>({"vm", "exec", "-it", "--user", "bob", "-w", "/srv", "web", "--", "cat", "-"});
    EXPECT_EQ(exec.vm, "web");
    EXPECT_EQ(exec.terminal, VmExec::Terminal::always);
    EXPECT_EQ(exec.user, "bob");
    EXPECT_EQ(exec.cwd, "/srv");
    EXPECT_THAT(exec.command, ElementsAre("cat", "-"));
}

TEST(CommandLine, EnvironmentIsGivenOrTaken)
{
    ::setenv("BANGER_TEST_VARIABLE", "from here", 1);
    EXPECT_EQ(parsed<VmRun>({"vm", "run", "-e", "BANGER_TEST_VARIABLE"}).spec.environment.at("BANGER_TEST_VARIABLE"),
              "from here");
    ::unsetenv("BANGER_TEST_VARIABLE");
    EXPECT_THAT(refused({"vm", "run", "-e", "BANGER_TEST_VARIABLE"}).message, HasSubstr("no such variable"));
    EXPECT_THAT(refused({"vm", "run", "-e", "=x"}).message, HasSubstr("name before"));
}

TEST(CommandLine, OtherVmVerbs)
{
    EXPECT_FALSE(parsed<VmCreate>({"vm", "create", "--no-start"}).start);
    EXPECT_TRUE(parsed<VmCreate>({"vm", "create"}).start);
    EXPECT_THAT(parsed<VmStart>({"vm", "start", "a", "b"}).vms, ElementsAre("a", "b"));
    EXPECT_EQ(parsed<VmStop>({"vm", "stop", "a"}).timeout_s, 30U);
    EXPECT_EQ(parsed<VmStop>({"vm", "stop", "a", "--timeout", "2m"}).timeout_s, 120U);
    EXPECT_EQ(parsed<VmStop>({"vm", "stop", "a", "-t", "0"}).timeout_s, 0U);
    EXPECT_THAT(refused({"vm", "stop", "a", "--timeout", "soon"}).message, HasSubstr("--timeout"));
    EXPECT_EQ(parsed<VmKill>({"vm", "kill", "a"}).signal, "KILL");
    EXPECT_EQ(parsed<VmKill>({"vm", "kill", "a", "--signal", "TERM"}).signal, "TERM");
    EXPECT_THAT(refused({"vm", "kill", "a", "--signal", "TREM"}).hint, HasSubstr("TERM"));
    EXPECT_TRUE(parsed<VmShow>({"vm", "show", "a", "--handles"}).handles);
    EXPECT_TRUE(parsed<VmLogs>({"vm", "logs", "-f", "a"}).follow);
    EXPECT_TRUE(parsed<VmRecover>({"vm", "recover", "--replace-database"}).replace_database);
    EXPECT_THAT(parsed<VmSsh>({"vm", "ssh", "a", "--", "-L", "1:h:2"}).words, ElementsAre("-L", "1:h:2"));
    EXPECT_EQ(parsed<VmProxy>({"vm", "proxy", "a", "22"}).port, 22);
    for (const char* port : {"0", "65536", "ssh", "-1", "22x"})
        EXPECT_THAT(refused({"vm", "proxy", "a", port}).hint, HasSubstr("banger")) << port;
    EXPECT_NO_THROW(parsed<VmList>({"vm", "list"}));
}

TEST(CommandLine, OtherGroups)
{
    EXPECT_EQ(parsed<CatalogueList>({"image", "list"}).of, Catalogue::images);
    EXPECT_EQ(parsed<CatalogueList>({"kernel", "list"}).of, Catalogue::kernels);
    EXPECT_EQ(parsed<CatalogueShow>({"image", "show", "x"}).name, "x");
    EXPECT_EQ(parsed<CataloguePull>({"kernel", "pull", "x"}).of, Catalogue::kernels);
    EXPECT_EQ(parsed<CatalogueDelete>({"image", "delete", "x"}).name, "x");
    const auto said = [](const json::Object& params) { return json::string_or(params.value(), "name"); };
    EXPECT_EQ(parsed<CatalogueBundle>({"kernel", "bundle", "x"}).of, Catalogue::kernels);
    EXPECT_EQ(json::string_or(parsed<CataloguePublish>({"image", "publish", "r/a:1", "d"}).params.value(), "as"), "a-1");
    EXPECT_EQ(said(parsed<ImagePromote>({"image", "promote", "web"}).params), "web");
    EXPECT_THAT(refused({"image", "promote", "web", "--name", "web"}).message, HasSubstr("cannot be told from a name"));
    EXPECT_TRUE(parsed<ImagePrune>({"image", "prune", "--all", "-f"}).force);
    const std::string bundle = "web-" + std::string(64, 'a') + ".tar.zst";
    EXPECT_EQ(said(parsed<ImageImport>({"image", "import", bundle}).params), "local/web") << "after what it was called";
    EXPECT_EQ(said(parsed<KernelImport>({"kernel", "import", bundle}).params), "web");
    EXPECT_EQ(said(parsed<KernelImport>({"kernel", "import", "x-" + bundle.substr(5)}).params), "x-" + bundle.substr(5));
    EXPECT_EQ(parsed<PluginShow>({"plugin", "show", "x"}).name, "x");
    EXPECT_NO_THROW(parsed<PluginList>({"plugin", "list"}));
    EXPECT_NO_THROW(parsed<ConfigShow>({"config", "show"}));
    EXPECT_NO_THROW(parsed<ConfigPath>({"config", "path"}));
    EXPECT_NO_THROW(parsed<DaemonStart>({"daemon", "start"}));
    EXPECT_NO_THROW(parsed<DaemonStop>({"daemon", "stop"}));
    EXPECT_NO_THROW(parsed<DaemonStatus>({"daemon", "status"}));
    EXPECT_TRUE(parsed<DaemonLogs>({"daemon", "logs", "--follow"}).follow);
    EXPECT_NO_THROW(parsed<Doctor>({"doctor"}));
    EXPECT_TRUE(parsed<Audit>({"audit", "--repair"}).repair);
    EXPECT_FALSE(parsed<Audit>({"audit"}).repair);
    EXPECT_NO_THROW(parsed<Version>({"version"}));
    EXPECT_NO_THROW(parsed<Version>({"--version"}));
}

TEST(CommandLine, TheFormatMayStandAnywhereBeforeTheSeparator)
{
    EXPECT_EQ(parse_command_line({"-o", "json", "vm", "list"})->format, Format::json);
    EXPECT_EQ(parse_command_line({"vm", "list", "-ojson"})->format, Format::json);
    EXPECT_EQ(parse_command_line({"vm", "list", "--format=json"})->format, Format::json);
    EXPECT_EQ(parse_command_line({"vm", "exec", "a", "--", "x", "-o", "json"})->format, Format::table);
    EXPECT_EQ(parse_command_line({"--version", "-o", "json"})->format, Format::json);
    EXPECT_THAT(refused({"vm", "list", "-o", "json", "-o", "table"}).message, HasSubstr("more than once"));
}

TEST(CommandLine, WhoseStatusItIs)
{
    EXPECT_TRUE(carries_guest_status(parsed<VmRun>({"vm", "run", "--", "true"})));
    EXPECT_TRUE(carries_guest_status(parsed<VmExec>({"vm", "exec", "a", "--", "true"})));
    EXPECT_FALSE(carries_guest_status(parsed<VmRun>({"vm", "run", "-d"})));
    EXPECT_FALSE(carries_guest_status(parsed<VmList>({"vm", "list"})));
}

TEST(Help, EveryVerbHasExamplesAndFits)
{
    for (const auto& verb : verbs()) {
        const auto syntax = verb.syntax();
        EXPECT_EQ(syntax.path, verb.path);
        EXPECT_FALSE(syntax.summary.empty()) << verb.path;
        EXPECT_FALSE(syntax.examples.empty()) << verb.path;
        Words words;
        for (const auto& word : wrapped(verb.path, 1))
            words.push_back(word);
        words.emplace_back("--help");
        const auto help = parsed<Help>(words).text;
        EXPECT_THAT(help, HasSubstr("Examples:"));
        for (const auto& line : wrapped(help, 1000))
            EXPECT_LE(width_of(line), 80U) << line;
    }
}

TEST(Help, OfGroupsAndOfTheProgram)
{
    EXPECT_THAT(parsed<Help>({}).text, HasSubstr("vm run"));
    EXPECT_THAT(parsed<Help>({"--help"}).text, HasSubstr("Commands:"));
    EXPECT_THAT(parsed<Help>({"help", "vm", "run"}).text, HasSubstr("--egress"));
    EXPECT_THAT(parsed<Help>({"vm", "run", "-h"}).text, HasSubstr("--egress"));
    EXPECT_THAT(parsed<Help>({"vm", "--help"}).text, HasSubstr("recover"));
    EXPECT_THAT(parsed<Help>({"vm", "--help"}).text, ::testing::Not(HasSubstr("proxy")));
    EXPECT_THAT(refused({"help", "vm", "rum"}).hint, HasSubstr("run"));
}

TEST(Help, EveryGroupHasExamplesThatAreCommandsOfIt)
{
    for (const auto& group : groups()) {
        const auto help = parsed<Help>({std::string(group.name), "--help"}).text;
        EXPECT_THAT(help, HasSubstr("Examples:")) << group.name;
        for (const auto& line : wrapped(help, 1000))
            EXPECT_LE(width_of(line), 80U) << line;
        for (const auto& example : group.examples) {
            const std::string prefix = "banger " + std::string(group.name) + " ";
            const auto at = example.command.find(prefix);
            ASSERT_NE(at, std::string::npos) << example.command;
            EXPECT_THAT(help, HasSubstr(example.command));
            if (at == 0) {
                const auto words = wrapped(example.command, 1);
                const auto command = parse_command_line({words.begin() + 1, words.end()});
                EXPECT_TRUE(command) << example.command << ": " << command.error().message;
            }
        }
    }
}

TEST(Help, TooManyWordsAreRefusedByName)
{
    const auto error = refused({"help", "vm", "run", "x", "y"});
    EXPECT_EQ(error.message, "`banger help vm run` takes no more words, such as 'x'");
    EXPECT_EQ(error.hint, "see `banger vm run --help`");
    EXPECT_THAT(refused({"help", "doctor", "x"}).message, HasSubstr("'x'"));
}

TEST(CommandLine, AWorkspaceGoesToAnAbsolutePath)
{
    const auto at = [](const std::string& path) {
        return parsed<WorkspacePrepare>({"vm", "workspace", "prepare", "--guest-path", path, "web"}).options.guest_path;
    };
    EXPECT_EQ(at("/srv/app"), "/srv/app");
    EXPECT_EQ(at("//srv///..app/"), "/srv/..app");
    for (const char* path : {"", "/", "//", "srv", "./srv", "/root/../etc", "/..", "/srv/.", "/srv/./x", "/srv/.."})
        for (const char* verb : {"prepare", "sync"})
            EXPECT_THAT(refused({"vm", "workspace", verb, "--guest-path", path, "web"}).message, HasSubstr("--guest-path"))
                << path;
}

class WorkspaceSettings : public ::testing::Test {
protected:
    WorkspaceSettings()
    {
        ::setenv("BANGER_HOME", host_.directory().c_str(), 1);
        EXPECT_TRUE(sdk::os::write_file_atomic(config::Paths::find()->config_file,
                                               "[workspace]\ntracked_only = true\ndepth = 7\n", 0644));
    }
    ~WorkspaceSettings() override { ::unsetenv("BANGER_HOME"); }

    sdk::testing::FakeHost host_;
};

TEST_F(WorkspaceSettings, HoldUnlessTheCommandLineSaysOtherwise)
{
    for (const Words& words : {Words{"vm", "run", "."}, Words{"vm", "workspace", "prepare", "web"}}) {
        const bool is_run = words[1] == "run";
        const auto options = [&](const Words& more) {
            Words all = words;
            all.insert(all.end() - 1, more.begin(), more.end());
            return is_run ? parsed<VmRun>(all).workspace.value() : parsed<WorkspacePrepare>(all).options;
        };
        EXPECT_TRUE(options({}).checkout.tracked_only);
        EXPECT_EQ(options({}).checkout.depth, 7U);
        EXPECT_EQ(options({"--depth", "0"}).checkout.depth, 0U);
    }
    ::setenv("BANGER_HOME", "/nowhere", 1);
    EXPECT_FALSE(parsed<VmRun>({"vm", "run", "."}).workspace->checkout.tracked_only);
    EXPECT_EQ(parsed<VmRun>({"vm", "run", "."}).workspace->checkout.depth, 50U);
    EXPECT_TRUE(parsed<VmRun>({"vm", "run", "--tracked-only", "."}).workspace->checkout.tracked_only);
}

}  // namespace
}  // namespace banger::cli
