// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// What can go wrong with every verb there is, by walking their table: a new one is tried without being named here.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/text.hpp"
#include "cli/verbs.hpp"
#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

bool is_open(const Operand& operand)
{
    return operand.count == Operand::Count::at_least_one || operand.count == Operand::Count::any;
}

bool is_needed(const Operand& operand)
{
    return operand.count == Operand::Count::one || operand.count == Operand::Count::at_least_one;
}

const Verb& verb_named(const std::string& path)
{
    for (const auto& verb : verbs())
        if (verb.path == path)
            return verb;
    std::abort();
}

class EveryVerb : public CliTest, public ::testing::WithParamInterface<std::string> {
protected:
    EveryVerb() : syntax_(verb_named(GetParam()).syntax())
    {
        // Nobody's network is used: what `vm ssh` would start says only that it was, and so what `image build` would.
        EXPECT_TRUE(sdk::os::write_file_atomic(home_ + "/ssh", "#!/bin/sh\necho ssh\n", 0755));
        EXPECT_TRUE(sdk::os::write_file_atomic(
            home_ + "/buildah", "#!/bin/sh\n[ \"$2\" != --iidfile ] || echo id >\"$3\"\n", 0755));
        environment_["PATH"] = home_ + ":/usr/bin:/bin";
        EXPECT_TRUE(sdk::os::make_directories(home_ + "/shop"));
        EXPECT_TRUE(sdk::os::write_file_atomic(home_ + "/shop/file", "x", 0644));
    }
    /// Something that is here, or that the fake daemon knows, for each name that operands have.
    [[nodiscard]] std::string value_for(const Operand& operand) const
    {
        const std::map<std::string, std::string> values{
            {"VM", "db"},   {"PORT", "22"},         {"IMAGE", "debian-bookworm"}, {"KERNEL", "debian-cloud"},
            {"NAME", "x"},  {"PLUGIN", "vmm-qemu"}, {"KEY", "vm_defaults.vcpu"},  {"VALUE", "1"},
            {"FILE", BANGER_WRONG_CONFIG},          {"PATH", home_ + "/shop"},
            {"SESSION", "build"},                   {"TEXT", "words"},
            {"SOURCE", home_ + "/shop/file"},       {"DESTINATION", "db:x"},
            {"FORWARD", "0:80"}};
        const auto known = values.find(operand.name);
        return known == values.end() ? "web" : known->second;
    }

    [[nodiscard]] Words path() const
    {
        std::istringstream text(GetParam());
        Words words;
        for (std::string word; text >> word;)
            words.push_back(word);
        return words;
    }
    /// As somebody would call it who does everything right.
    [[nodiscard]] Words good() const
    {
        Words words = path();
        if (syntax_.path == "vm set")
            words.insert(words.end(), {"--vcpu", "1"});
        if (syntax_.path == "vm stats")
            words.insert(words.end(), {"--interval", "100ms"});
        if (syntax_.path == "vm prune")
            words.emplace_back("--dry-run");
        for (const auto& operand : syntax_.operands)
            words.push_back(value_for(operand));
        if (syntax_.tail == Syntax::Tail::required)
            words.insert(words.end(), {"--", "both"});
        return words;
    }
    [[nodiscard]] Words with(Words words, const std::string& one) const
    {
        words.insert(words.begin() + static_cast<std::ptrdiff_t>(path().size()), one);
        return words;
    }
    /// Standard input is empty, standard output what `redirection` makes of it.
    Ended redirected(const Words& words, const std::string& redirection) const
    {
        sdk::os::Command command;
        command.argv = {"env", "-i"};
        for (const auto& [name, value] : environment_)
            command.argv.push_back(name + "=" + value);
        command.argv.insert(command.argv.end(), {"sh", "-c", "exec \"$0\" \"$@\" " + redirection, BANGER_PROGRAM});
        command.argv.insert(command.argv.end(), words.begin(), words.end());
        auto output = sdk::os::run(command);
        EXPECT_TRUE(output) << output.error().message;
        if (!output)
            return {};
        return {output->status, 0, output->out, output->err};
    }
    /// One error that says what is wrong, and what to do, and nothing on standard output.
    static void expect_usage_error(const Ended& ended)
    {
        EXPECT_EQ(ended.status, 2) << ended.out << ended.err;
        EXPECT_EQ(ended.out, "");
        EXPECT_THAT(ended.err, HasSubstr("error: "));
        EXPECT_THAT(ended.err, HasSubstr("hint: "));
    }
    static void expect_own_failure(const Ended& ended, const std::string& text)
    {
        EXPECT_THAT(ended.status, ::testing::AnyOf(1, 125)) << ended.out << ended.err;
        EXPECT_THAT(ended.err, HasSubstr("error: "));
        EXPECT_THAT(ended.err, HasSubstr(text));
    }

    const Syntax syntax_;
};

// What else is tried of a verb below would be tried of its failure only.
TEST_P(EveryVerb, WorksWithAllThatItNeeds)
{
    const auto ended = redirected(good(), "");
    if (syntax_.path == "doctor")
        return;  // what it finds is this host's
    // What the status says is there: the shell's own end, an unhealthy guest, a wrong file, no daemon, something unclaimed,
    // a known_hosts that the fake daemon only names, and a machine that stops while ports are forwarded.
    const std::map<std::string, int> others{{"vm run", 3},        {"vm health", 1},   {"config validate", 1},
                                            {"daemon status", 1}, {"daemon logs", 1}, {"audit", 1},
                                            {"vm host-key", 1},  {"vm forward", 1}};
    const auto known = others.find(syntax_.path);
    EXPECT_EQ(ended.status, known == others.end() ? 0 : known->second) << ended.out << ended.err;
}

TEST_P(EveryVerb, WithoutArgumentsWorksOrSaysWhatItNeeds)
{
    const auto ended = banger(path());
    const bool needs = std::any_of(syntax_.operands.begin(), syntax_.operands.end(), is_needed);
    if (!needs && syntax_.tail != Syntax::Tail::required) {
        EXPECT_NE(ended.status, 2) << ended.err;
        return;
    }
    expect_usage_error(ended);
    EXPECT_THAT(ended.err, HasSubstr("needs a " + syntax_.operands.front().name));
}

TEST_P(EveryVerb, TooManyArgumentsAreRefusedByName)
{
    if (!syntax_.operands.empty() && is_open(syntax_.operands.back()))
        return;  // it takes any number
    Words words = path();
    for (const auto& operand : syntax_.operands)
        words.push_back(value_for(operand));
    words.emplace_back("surplus-word");
    const auto ended = banger(words);
    expect_usage_error(ended);
    EXPECT_THAT(ended.err, HasSubstr("'surplus-word'"));
}

TEST_P(EveryVerb, AnEmptyArgumentIsRefused)
{
    if (syntax_.operands.empty())
        return;  // it takes none
    Words words = path();
    words.emplace_back("");
    expect_usage_error(banger(words));
}

TEST_P(EveryVerb, AnUnknownOptionIsRefusedWithTheNearest)
{
    expect_usage_error(banger(with(good(), "--zzzzzz")));
    expect_usage_error(banger(with(good(), "-%")));
    auto options = syntax_.options;
    options.insert(options.end(), global_options().begin(), global_options().end());
    for (const auto& option : options) {
        std::string misspelt = option.name;
        std::swap(misspelt[misspelt.size() - 1], misspelt[misspelt.size() - 2]);
        if (misspelt == option.name)
            misspelt.pop_back();
        const auto ended = banger(with(good(), "--" + misspelt));
        expect_usage_error(ended);
        EXPECT_THAT(ended.err, HasSubstr("did you mean --")) << misspelt;
    }
}

TEST_P(EveryVerb, AnOptionWithoutItsValueOrWithOneTooManyIsRefused)
{
    for (const auto& option : syntax_.options) {
        if (option.value.empty()) {
            const auto ended = banger(with(good(), "--" + option.name + "=x"));
            expect_usage_error(ended);
            EXPECT_THAT(ended.err, HasSubstr("--" + option.name));
            continue;
        }
        Words words = path();
        words.push_back("--" + option.name);
        expect_usage_error(banger(words));
    }
}

TEST_P(EveryVerb, HelpIsThereWhateverElseIsGiven)
{
    for (const char* option : {"--help", "-h"}) {
        const auto ended = banger(with(good(), option));
        EXPECT_EQ(ended.status, 0) << ended.err;
        EXPECT_THAT(ended.out, HasSubstr("Usage: banger " + syntax_.path));
    }
}

TEST_P(EveryVerb, AClosedStandardOutputIsNoTrouble)
{
    const auto usual = redirected(good(), "");
    const auto closed = redirected(good(), ">&-");
    EXPECT_EQ(closed.status, usual.status) << closed.err;
    const auto all_closed = redirected(good(), ">&- 2>&- <&-");
    EXPECT_EQ(all_closed.status, usual.status);
}

TEST_P(EveryVerb, AFullStandardOutputIsAFailure)
{
    const auto usual = redirected(good(), "");
    if (usual.out.empty() || syntax_.path == "vm ssh")
        return;  // it prints nothing, or ssh does
    const auto full = redirected(good(), "> /dev/full");
    EXPECT_THAT(full.status, ::testing::AnyOf(1, 125)) << full.err;
    EXPECT_THAT(full.err, HasSubstr("No space left on device"));
}

TEST_P(EveryVerb, ANarrowTerminalIsEnough)
{
    const auto usual = redirected(good(), "");
    CliProcess process(good(), environment_, CliProcess::Streams::terminal, 20);
    process.write("\x04");  // what reads standard input finds its end
    const auto ended = process.wait();
    if (syntax_.path != "vm run") {  // which is a shell on a terminal
        EXPECT_EQ(ended.status, usual.status) << ended.out << ended.err;
    }
    // Tables and pages fit; single sentences are the terminal's to wrap.
    const std::string_view path = syntax_.path;
    const std::set<std::string_view> others{"vm stats", "audit"};
    if (!path.ends_with(" list") && !path.ends_with(" show") && others.count(path) == 0)
        return;
    std::istringstream lines(ended.out);
    for (std::string line; std::getline(lines, line);) {
        line.erase(std::remove(line.begin(), line.end(), '\r'), line.end());
        EXPECT_LE(width_of(line), 20U) << line;
    }
}

TEST_P(EveryVerb, WithoutAHomeItSaysSo)
{
    environment_.erase("BANGER_HOME");
    environment_.erase("HOME");
    for (const char* home : {"", "relative/path"}) {
        if (*home != '\0')
            environment_["HOME"] = home;
        const auto ended = redirected(good(), "");
        if (syntax_.path == "version" || syntax_.path == "config validate")
            continue;  // asks nobody
        expect_own_failure(ended, "neither HOME nor BANGER_HOME");
        EXPECT_THAT(ended.err, HasSubstr("hint: "));
        EXPECT_EQ(ended.out, "");
    }
}

TEST_P(EveryVerb, WhereNothingCanBeWrittenItSaysWhere)
{
    // Nobody makes a directory in a file, root neither.
    environment_["BANGER_HOME"] = home_ + "/ssh/home";
    const auto ended = redirected(good(), "");
    for (const char* writes_nothing :
         {"version", "config validate", "config path", "config get", "daemon status", "daemon stop"})
        if (syntax_.path == writes_nothing)
            return;
    expect_own_failure(ended, home_ + "/ssh");
    EXPECT_THAT(ended.err, Not(HasSubstr("terminate called")));
}

std::vector<std::string> all_verbs()
{
    std::vector<std::string> all;
    for (const auto& verb : verbs())
        if (!verb.path.starts_with("system "))  // they change the host, or look at the one that tests run on: see the lab
            all.emplace_back(verb.path);
    return all;
}

INSTANTIATE_TEST_SUITE_P(Of, EveryVerb, ::testing::ValuesIn(all_verbs()),
                         [](const ::testing::TestParamInfo<std::string>& one) {
                             std::string name = one.param;
                             std::replace_if(
                                 name.begin(), name.end(), [](char c) { return c == ' ' || c == '-'; }, '_');
                             return name;
                         });

}  // namespace
}  // namespace banger::cli::testing
