// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include "cli/context.hpp"
#include "cli/progress.hpp"
#include "cli/render/host.hpp"
#include "cli/render/reach.hpp"
#include "cli/render/table.hpp"
#include "cli/ssh.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Table sample()
{
    Table table({"NAME", "STATE", "DESCRIPTION"});
    table.add({"brave-otter", "running", "a rather long description of this machine"});
    table.add({"db", "", "short"});
    return table;
}

TEST(PortsPage, SaysWhenNoMoreConnectionsAreTaken)
{
    json::Object some;
    some.set("connections", 4095).set("most_connections", 4096);
    EXPECT_THAT(ports_page(some.value(), 0), ::testing::Not(HasSubstr("4096")));
    json::Object all;
    all.set("connections", 4096).set("most_connections", 4096);
    EXPECT_THAT(ports_page(all.value(), 0), HasSubstr("4096 connections, the most there can be"));
}

TEST(Table, IsWholeWhereNothingLimitsIt)
{
    EXPECT_EQ(sample().text(0),
              "NAME         STATE    DESCRIPTION\n"
              "brave-otter  running  a rather long description of this machine\n"
              "db           -        short\n");
}

TEST(Table, CutsTheWidestColumnsOnATerminal)
{
    for (const std::size_t columns : {20, 30, 40, 60}) {
        for (const auto& line : wrapped(sample().text(columns), 1000))
            EXPECT_LE(width_of(line), columns) << line;
    }
    EXPECT_THAT(sample().text(40), HasSubstr("a rather long des…"));
    EXPECT_EQ(sample().text(20),
              "NAME         STATE\n"
              "brave-otter  running\n"
              "db           -\n");
    EXPECT_EQ(wrapped(sample().text(5), 1000).size(), 4U) << "three lines and the end";
}

TEST(Table, ControlCharactersCannotDriveTheTerminal)
{
    Table table({"A"});
    table.add({"x\x1b[31m\ny"});
    EXPECT_EQ(table.text(0), "A\nx?[31m?y\n");
}

TEST(Facts, LeavesOutWhatIsEmpty)
{
    Facts facts;
    facts.add("name", "web");
    facts.add("address", "");
    facts.add("disks", std::vector<std::string>{"one", "two"});
    EXPECT_EQ(facts.text(0), "name:   web\ndisks:  one\n        two\n");
}

TEST(Text, CutsByCodePoints)
{
    EXPECT_EQ(clipped("äöü", 3), "äöü");
    EXPECT_EQ(clipped("äöüß", 3), "äö…");
    EXPECT_EQ(clipped("abc", 0), "");
    EXPECT_EQ(clipped("abc", 1), "…");
}

TEST(Text, WrapsBetweenWords)
{
    EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrapped("a\n\n  b c", 5), ElementsAre("a", "", "  b c"));
    EXPECT_THAT(wrapped("unbreakable x", 4), ElementsAre("unbreakable", "x"));
}

TEST(Text, QuotesForAShell)
{
    EXPECT_EQ(shell_quoted("web-1"), "web-1");
    EXPECT_EQ(shell_quoted("a b"), "'a b'");
    EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quoted(""), "''");
}

TEST(ErrorText, HasItsContextAndHint)
{
    auto error = sdk::make_error(sdk::Code::permission, "cannot start vm 'web': no permission", "run `banger doctor`");
    error.during = {"attach network", "start"};
    EXPECT_EQ(error_text(error, false),
              "error: cannot start vm 'web': no permission\n"
              "  while: attach network\n"
              "  while: start\n"
              "  hint:  run `banger doctor`\n");
    EXPECT_THAT(error_text(error, true), HasSubstr("\x1b[1;31merror:\x1b[0m "));
}

TEST(Printable, NeitherControlCharactersNorWhatIsNoTextReachesATerminal)
{
    EXPECT_EQ(printable("\x1b[2J\r\x07\x7f\t"), "?[2J????");
    EXPECT_EQ(printable("a\xc2\x9b" "2Jb\xc2\x80\xc2\x9f"), "a?2Jb??") << "C1";
    EXPECT_EQ(printable("\x9b" "2J \xc2 \xe2\x82"), "?2J ? ??") << "cut, or without their beginning";
    EXPECT_EQ(printable("\xc0\x9b\xe0\x82\x9b\xed\xa0\x80\xf4\x90\x80\x80\xff"), "?????" "?????" "???");
    const std::string text = "gr\u00fc\u00df, \u65e5\u672c, \U0001F680, \u00a0";
    EXPECT_EQ(printable(text), text);
}

TEST(ErrorText, QuotedToolsStayBelowTheirWord)
{
    EXPECT_EQ(error_text(sdk::make_error(sdk::Code::internal, "it said: a\nb\x07"), false),
              "error: it said: a\n       b?\n");
    EXPECT_EQ(error_text(sdk::make_error(sdk::Code::internal, "\u00fc\xc2\x9b"), false), "error: \u00fc?\n");
}

class ProgressTest : public ::testing::Test {
protected:
    ProgressTest()
    {
        int ends[2];
        EXPECT_EQ(::pipe(ends), 0);
        from_.reset(ends[0]);
        to_.reset(ends[1]);
    }

    void step(Progress& progress, const char* stage, std::uint64_t done, std::uint64_t total, std::size_t call = 0)
    {
        json::Object params;
        params.set("stage", stage).set("done", done).set("total", total).set("unit", "bytes");
        progress.take("progress", params.value(), call);
    }

    void layers(Progress& progress, const std::vector<PartProgress>& parts)
    {
        json::Object params;
        json::Array told;
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        for (const auto& part : parts) {
            told.add(json::Object().set("name", part.name).set("done", part.done).set("total", part.total));
            done += part.done;
            total += part.total;
        }
        params.set("stage", "download").set("done", done).set("total", total).set("unit", "bytes").set("parts", told);
        progress.take("progress", params.value());
    }

    std::string written()
    {
        to_.reset();
        std::string text(65536, '\0');
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(from_.get(), text.data(), text.size()), 0)));
        return text;
    }

    sdk::os::UniqueFd from_;
    sdk::os::UniqueFd to_;
};

TEST(Pace, SaysHowFastAndHowLong)
{
    using namespace std::chrono_literals;
    EXPECT_EQ(pace(24U << 20U, 60U << 20U, 2s), "12 MiB/s, 5 s left");
    EXPECT_EQ(pace(0, 1, 2s), "");
    EXPECT_EQ(pace(1, 1, 0s), "");
    EXPECT_NE(pace(1, UINT64_MAX, 2s).find("left"), std::string::npos);
}

TEST_F(ProgressTest, PlainLinesOnePerStage)
{
    Progress progress(to_.get(), false);
    step(progress, "pulling", 1, 100);
    step(progress, "pulling", 50, 100);
    step(progress, "booting", 0, 0);
    progress.clear();
    EXPECT_EQ(written(), "pulling\nbooting\n");
}

TEST_F(ProgressTest, ALiveLineIsOverwrittenAndVanishes)
{
    Progress progress(to_.get(), true);
    step(progress, "pulling", 25 << 20, 100 << 20);
    progress.say("a remark");
    progress.clear();
    EXPECT_EQ(written(), "\rpulling 25% of 100 MiB\x1b[K\r\x1b[Ka remark\n\rpulling 25% of 100 MiB\x1b[K\r\x1b[K");
}

constexpr std::uint64_t mib = 1U << 20U;

TEST_F(ProgressTest, PartsHaveLinesOfTheirOwnBelowTheLiveOne)
{
    Progress progress(to_.get(), true);
    layers(progress, {{"aaaa", 40 * mib, 40 * mib}, {"bbbb", 10 * mib, 40 * mib}, {"cccc", 0, 20 * mib}});
    progress.say("a remark");
    progress.ended(0);
    const std::string drawn = "download 50% of 100 MiB\x1b[K\r\n  aaaa  done, 40 MiB\x1b[K\r\n"
                              "  bbbb  10 MiB of 40 MiB\x1b[K\r\n  cccc  waiting, 20 MiB\x1b[K";
    EXPECT_EQ(written(), "\r" + drawn + "\r\x1b[3A\x1b[Ja remark\n\r" + drawn + "\r\x1b[3A\x1b[J");
}

TEST_F(ProgressTest, FewerPartsLeaveNothingBehind)
{
    Progress progress(to_.get(), true);
    layers(progress, {{"aaaa", 1 * mib, 2 * mib}});
    step(progress, "finish", 0, 0);
    progress.clear();
    EXPECT_EQ(written(), "\rdownload 50% of 2 MiB\x1b[K\r\n  aaaa  1 MiB of 2 MiB\x1b[K"
                         "\r\x1b[1Afinish\x1b[K\x1b[J\r\x1b[K");
}

TEST_F(ProgressTest, ElsewhereAPartIsALineOnceItHasCome)
{
    Progress progress(to_.get(), false);
    layers(progress, {{"aaaa", 2 * mib, 2 * mib}, {"bbbb", 0, 3 * mib}});
    layers(progress, {{"aaaa", 2 * mib, 2 * mib}, {"bbbb", 1 * mib, 3 * mib}});
    layers(progress, {{"aaaa", 2 * mib, 2 * mib}, {"bbbb", 3 * mib, 3 * mib}});
    layers(progress, {{"aaaa", 2 * mib, 2 * mib}, {"bbbb", 3 * mib, 3 * mib}});
    EXPECT_EQ(written(), "download\n  aaaa  done, 2 MiB\n  bbbb  done, 3 MiB\n");
}

TEST(PartProgress, SaysAsMuchAsFits)
{
    using namespace std::chrono_literals;
    const auto now = PartProgress::Clock::now();
    const PartProgress part{"a3ed95caeb02", 12 * mib, 40 * mib, now - 2s, 4 * mib};
    EXPECT_EQ(part_line(part, "bytes", 80, now), "  a3ed95caeb02  12 MiB of 40 MiB, 4 MiB/s, 7 s left");
    EXPECT_EQ(part_line(part, "bytes", 40, now), "  a3ed95caeb02  12 MiB of 40 MiB");
    EXPECT_EQ(part_line(part, "bytes", 19, now), "a3ed95caeb02 30%");
    EXPECT_EQ(width_of(part_line(part, "bytes", 7, now)), 7U);
    EXPECT_EQ(part_line({"a", 0, 0}, "bytes", 19, now), "  a  done, 0 B");
}

TEST(PartProgress, ARateBeginsWithTheFirstBytesThatWereSeenToCome)
{
    using namespace std::chrono_literals;
    const auto told = [](std::uint64_t done) {
        const auto text = R"({"parts": [{"name": "a", "total": 104857600, "done": )" + std::to_string(done * mib) + "}]}";
        return json::parse(text, "x");
    };
    const auto start = PartProgress::Clock::now();
    auto parts = parts_of(*told(20), {}, start);  // an earlier pull left these
    parts = parts_of(*told(20), parts, start + 10s);
    parts = parts_of(*told(30), parts, start + 11s);
    parts = parts_of(*told(40), parts, start + 12s);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(part_line(parts[0], "bytes", 80, start + 12s), "  a  40 MiB of 100 MiB, 10 MiB/s, 6 s left");
}

TEST(PartProgress, OfMoreThanFitThoseThatMoveAreShownFirst)
{
    const std::vector<PartProgress> parts{{"here", 2, 2}, {"moves", 1, 2}, {"waits", 0, 2}, {"too", 1, 2}};
    const auto shown = [&](std::size_t most) {
        std::string names;
        for (const auto& part : most_telling(parts, most))
            names += part.name + " ";
        return names;
    };
    EXPECT_EQ(shown(9), "here moves waits too ");
    EXPECT_EQ(shown(3), "moves waits too ");
    EXPECT_EQ(shown(2), "moves too ");
    EXPECT_EQ(shown(0), "");
}

TEST_F(ProgressTest, AWarningIsALineThatStays)
{
    Progress progress(to_.get(), true);
    json::Object params;
    params.set("message", "'~/x' is not there\x07");
    step(progress, "provision", 0, 0);
    progress.take("warning", params.value());
    progress.clear();
    EXPECT_EQ(written(), "\rprovision\x1b[K\r\x1b[Kwarning: '~/x' is not there?\n\rprovision\x1b[K\r\x1b[K");
}

TEST_F(ProgressTest, EachCallUnderWayHasStagesOfItsOwn)
{
    Progress progress(to_.get(), false);
    step(progress, "power off vm 'a'", 0, 0, 0);
    step(progress, "power off vm 'b'", 0, 0, 1);
    step(progress, "power off vm 'a'", 1, 2, 0);  // nothing new
    step(progress, "boot vm 'a'", 0, 0, 0);
    EXPECT_EQ(written(), "power off vm 'a'\npower off vm 'b'\nboot vm 'a'\n");
}

TEST_F(ProgressTest, TheLiveLineCountsTheOthers)
{
    Progress progress(to_.get(), true);
    step(progress, "power off vm 'a'", 0, 0, 0);
    step(progress, "power off vm 'b'", 0, 0, 1);
    progress.ended(1);
    progress.ended(0);
    EXPECT_EQ(written(),
              "\rpower off vm 'a'\x1b[K\rpower off vm 'b' (and 1 more)\x1b[K\rpower off vm 'a'\x1b[K\r\x1b[K");
}

TEST_F(ProgressTest, TheSpecIsALine)
{
    Progress progress(to_.get(), false);
    json::Object spec;
    spec.set("name", "web")
        .set("image", "debian-bookworm")
        .set("vcpus", 1)
        .set("memory_mib", 512)
        .set("disk_bytes", std::uint64_t{8} << 30U);
    progress.take("spec", spec.value());
    EXPECT_EQ(written(), "spec: 1 CPU, 512 MiB memory, 8 GiB disk (debian-bookworm as 'web')\n");
}

TEST(Doctor, WrapsToTheTerminal)
{
    auto result = json::parse(
        R"({"checks":[{"name":"kvm","status":"warning","message":"an ordinary guest does not run",)"
        R"("hint":"use another host"}]})",
        "x");
    for (const auto& line : wrapped(doctor_page(*result, 30, false), 1000))
        EXPECT_LE(width_of(line), 30U);
    EXPECT_THAT(doctor_page(*result, 0, true), HasSubstr("\x1b[33mwarning\x1b[0m"));
}

TEST(SshCommand, TrustsOneKeyAndReadsNoConfiguration)
{
    const SshWay way{"we'b", "root", "/home/a b/id%1", "/known \"hosts\"", "web.vm", true, ""};
    const auto command = ssh_command(way, "/opt/my tools/banger", {"-L", "1:h:2"}, "/proc/7/fd/8");
    EXPECT_EQ(command[0], "ssh");
    EXPECT_THAT(command, Contains("IdentityFile=\"/home/a b/id%%1\""));
    EXPECT_THAT(command, Contains("UserKnownHostsFile=\"/known \\\"hosts\\\"\""));
    EXPECT_THAT(command, Contains("StrictHostKeyChecking=yes"));
    EXPECT_THAT(command, Contains("HostKeyAlias=web.vm"));
    EXPECT_THAT(command, Contains("ProxyCommand='/opt/my tools/banger' vm proxy --report /proc/7/fd/8 'we'\\''b' 22"));
    const std::vector<std::string> end(command.end() - 3, command.end());
    EXPECT_THAT(end, ElementsAre("root@web.vm", "-L", "1:h:2"));
}

}  // namespace
}  // namespace banger::cli
