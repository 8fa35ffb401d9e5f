// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// Verbs that take several machines: at once, reported in order, and called off together.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using SeveralVms = CliTest;

TEST_F(SeveralVms, RunAtOnceAndAreReportedInTheOrderGiven)
{
    // The first is answered only once the last is asked for: one after the other they would wait for ever.
    const auto ended = banger({"vm", "start", "held", "web", "release"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_EQ(ended.out, "held is running\nweb is running\nrelease is running\n");
    EXPECT_THAT(ended.err, HasSubstr("holding\n"));
}

TEST_F(SeveralVms, ABadReferenceStopsNoOther)
{
    const auto ended = banger({"vm", "stop", "nobody", "held", "db", "release"});
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.out, "held is stopped\ndb is stopped\nrelease is stopped\n");
    EXPECT_THAT(ended.err, HasSubstr("error: there is no vm 'nobody'"));
}

TEST_F(SeveralVms, NoMoreThanABoundedNumberAtATime)
{
    // Eight that are held keep the ninth from being asked for.
    CliProcess process({"vm", "start", "held", "held", "held", "held", "held", "held", "held", "held", "web"},
                       environment_);
    process.expect_error("holding");
    EXPECT_EQ(banger({"vm", "start", "release"}).status, 0);
    EXPECT_EQ(process.wait().status, 0);
    const auto made = calls();
    EXPECT_EQ(std::count(made.begin(), made.end(), R"(vm.start {"vm":"held"})"), 8);
    EXPECT_EQ(made.back(), R"(vm.start {"vm":"web"})");
}

TEST_F(SeveralVms, CtrlCCallsAllOfThemOffAndSaysSo)
{
    CliProcess process({"vm", "start", "web", "held", "held"}, environment_);
    process.expect("web is running");
    process.expect_error("holding");
    process.kill(SIGINT);
    const auto ended = process.wait();
    EXPECT_EQ(ended.signal, SIGINT);
    EXPECT_EQ(ended.out, "web is running\n");
    EXPECT_THAT(ended.err, HasSubstr("stopping, and undoing what was begun"));
    EXPECT_THAT(ended.err, HasSubstr("error: cancelled: 'held' and 'held'"));
    EXPECT_THAT(ended.err, HasSubstr("the others were done"));
}

TEST_F(SeveralVms, CtrlCWithOneIsItsOwnError)
{
    CliProcess process({"vm", "start", "held"}, environment_);
    process.expect_error("holding");
    process.kill(SIGINT);
    const auto ended = process.wait();
    EXPECT_EQ(ended.signal, SIGINT);
    EXPECT_THAT(ended.err, HasSubstr("error: what was begun with vm 'held' is undone"));
}

TEST_F(SeveralVms, TheLiveLineVanishesBeforeEachAnswer)
{
    CliProcess process({"vm", "start", "held", "held", "web"}, environment_, CliProcess::Streams::all_terminal);
    process.expect("holding (and 1 more)");
    EXPECT_EQ(banger({"vm", "start", "release"}).status, 0);
    const auto ended = process.wait();
    EXPECT_EQ(ended.status, 0) << ended.out;
    EXPECT_THAT(ended.out, ::testing::EndsWith("\r\x1b[Kheld is running\r\nweb is running\r\n"));
    EXPECT_THAT(ended.out, Not(HasSubstr("more)held"))) << "nothing is printed into the line";
    EXPECT_THAT(ended.out, Not(HasSubstr("holdingheld")));
}

TEST_F(SeveralVms, PruningAsksOnATerminal)
{
    for (const bool yes : {false, true}) {
        CliProcess process({"vm", "prune"}, environment_, CliProcess::Streams::all_terminal);
        process.expect("delete it? [y/N]");
        EXPECT_THAT(process.out(), HasSubstr("db"));
        EXPECT_THAT(process.out(), Not(HasSubstr("web"))) << "it runs";
        process.write(yes ? "y\n" : "\n");
        EXPECT_EQ(process.wait().status, yes ? 0 : 1);
        EXPECT_EQ(calls().back().starts_with("vm.delete"), yes);
    }
    EXPECT_THAT(calls().back(), HasSubstr(R"("only_stopped":true)"));
}

TEST_F(SeveralVms, PruningTheStaleTellsTheDaemonSinceWhen)
{
    EXPECT_EQ(banger({"vm", "prune", "-f", "--stale", "1d"}).status, 0);
    EXPECT_THAT(calls().back(), HasSubstr(R"("not_started_since":)"));
    EXPECT_EQ(banger({"vm", "prune", "-f", "--stale", "3000d"}).status, 0);
    EXPECT_THAT(calls().back(), HasSubstr("vm.list")) << "none is as old as that";
}

TEST_F(SeveralVms, StatsAreWatchedUntilCtrlC)
{
    CliProcess process({"vm", "stats", "--watch", "--interval", "100ms", "web", "db"}, environment_);
    process.expect("12.0%");
    process.expect("web   12.0%");
    process.kill(SIGINT);
    EXPECT_EQ(process.wait().signal, SIGINT);
}

TEST_F(SeveralVms, StatsOfAllAreOfThoseThatRun)
{
    const auto ended = banger({"vm", "stats", "--interval", "100ms"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    EXPECT_THAT(calls(), ::testing::Contains(HasSubstr("vm.stats")));
    EXPECT_THAT(ended.out, Not(HasSubstr("db")));
}

TEST_F(SeveralVms, HealthIsInTheExitStatus)
{
    EXPECT_EQ(banger({"vm", "health", "web"}).status, 0);
    EXPECT_EQ(banger({"vm", "health", "web", "db"}).status, 1);
    EXPECT_EQ(banger({"-o", "json", "vm", "health", "db"}).status, 1);
}

}  // namespace
}  // namespace banger::cli::testing
