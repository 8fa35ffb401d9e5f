// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A repository's programs, installed in its machine. The mise here is a script that stands in for the real one, which
// would need its servers: it shows where it was run, by whose settings, and fails when it is told to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* log_in_guest = "/root/.cache/banger/vm-run-tooling-shop_1.log";

class Tooling : public ::testing::Test {
protected:
    Tooling()
    {
        fs::create_directories(repository);
        fs::create_directories(programs);
        std::ofstream(repository + "/mise.toml") << "[tools]\n";
    }
    static void write_mise(const std::string& file, const std::string& which, int status = 0)
    {
        std::ofstream(file) << "#!/bin/sh\necho " << which
                            << " mise \"$@\" in \"$PWD\" trusts $MISE_TRUSTED_CONFIG_PATHS\necho to standard error >&2\nsleep 2\ntouch /root/installed\nexit " << status << "\n";
        fs::permissions(file, fs::perms(0755));
    }
    /// `vm run` with what is in `programs` before the system's own in PATH.
    [[nodiscard]] static Called run(const Installation& host, std::vector<std::string> more)
    {
        more.insert(more.begin(), {"vm", "run", "--ready", "agent"});
        CallOptions options;
        options.environment = {{"HOME", host.home()}, {"PATH", host.home() + "/bin:/usr/bin:/bin"}};
        options.timeout = std::chrono::seconds(250);
        return host.banger(more, options);
    }
    /// What the log says, and whether something was installed.
    [[nodiscard]] std::vector<std::string> looking() const
    {
        const std::string script = std::string("cat ") + log_in_guest + "; ls /root/installed; exit 7";
        return {"--rm", repository, "--", "sh", "-c", script};
    }

    const Installation host;
    const std::string repository = host.home() + "/shop 1";
    const std::string programs = host.home() + "/bin";
};

TEST_F(Tooling, ComesFromTheHostAndIsThereWhenADetachedRunReturns)
{
    write_mise(programs + "/mise", "host");
    auto detached = run(host, {"-d", "--name", "a", repository});
    ASSERT_EQ(detached.status, 0) << detached.err;
    EXPECT_EQ(detached.out, "a\n");
    EXPECT_THAT(detached.err, AllOf(HasSubstr("tooling: mise install, by mise.toml"), Not(HasSubstr("failed"))));
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", log_in_guest}).out,
              "/usr/local/bin/mise install, in /root/repo\nhost mise install in /root/repo trusts /root/repo\n"
              "to standard error\n");
    const std::vector<std::string> stat{"stat", "-c", "%a %U", "/usr/local/bin/mise", "/root/installed"};
    std::vector<std::string> call{"vm", "exec", "a", "--"};
    call.insert(call.end(), stat.begin(), stat.end());
    EXPECT_EQ(host.banger(call).out, "755 root\n644 root\n");
}

TEST_F(Tooling, PrefersTheImagesOwn)
{
    write_mise(programs + "/mise", "host");
    // What is in PATH in the machine before: the workspace itself.
    write_mise(repository + "/mise", "image");
    auto ran = run(host, {"--rm", "--guest-path", "/usr/local/bin", repository, "--", "cat", log_in_guest});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(ran.out, AllOf(HasSubstr("image mise install in /usr/local/bin"), Not(HasSubstr("host"))));
}

TEST_F(Tooling, AFailureIsSaidAndEndsNothing)
{
    write_mise(programs + "/mise", "host", 3);
    fs::rename(repository + "/mise.toml", repository + "/.tool-versions");
    auto ran = run(host, looking());
    EXPECT_EQ(ran.status, 7);
    EXPECT_THAT(ran.err,
                AllOf(HasSubstr("by .tool-versions"), HasSubstr("mise install failed"), HasSubstr(log_in_guest)));
    EXPECT_THAT(ran.out, HasSubstr("to standard error\n"));
}

TEST_F(Tooling, IsLeftAloneWhenAskedToOrWithoutANetworkOrAFile)
{
    write_mise(programs + "/mise", "host");
    auto unwanted = looking();
    unwanted.insert(unwanted.begin(), "--no-bootstrap");
    auto skipped = run(host, unwanted);
    EXPECT_EQ(skipped.status, 7);
    EXPECT_THAT(skipped.out + skipped.err, AllOf(Not(HasSubstr("tooling:")), Not(HasSubstr("/root/installed\n"))));

    auto closed = looking();
    closed.insert(closed.begin(), {"--egress", "none"});
    auto alone = run(host, closed);
    EXPECT_EQ(alone.status, 7);
    EXPECT_THAT(alone.err, HasSubstr("tooling: mise.toml is left alone: with --egress none"));
    EXPECT_LT(alone.err.find("tooling:"), alone.err.find("spec:")) << "before the machine is made";
    EXPECT_THAT(alone.out, Not(HasSubstr("installed")));

    fs::remove(repository + "/mise.toml");
    EXPECT_THAT(run(host, looking()).err, Not(HasSubstr("tooling:")));
}

TEST_F(Tooling, SaysBeforehandThatThereIsNone)
{
    auto none = run(host, looking());
    EXPECT_EQ(none.status, 7);
    EXPECT_THAT(none.err, AllOf(HasSubstr("there is none on this host"), HasSubstr("[tooling] mise_url"),
                                HasSubstr("nothing installed: the image has no mise")));
    EXPECT_LT(none.err.find("there is none on this host"), none.err.find("spec:"));
    fs::copy_file(fs::canonical("/usr/bin/git"), programs + "/mise");  // needs the host's libraries
    auto dynamic = run(host, {"--rm", repository, "--", "test", "!", "-e", "/usr/local/bin/mise"});
    EXPECT_EQ(dynamic.status, 0);
    EXPECT_THAT(dynamic.err, HasSubstr("needs libraries of this host"));
}

TEST(ToolingByUrl, IsFetchedOnceAndOnlyWithTheRightDigest)
{
    const std::string mise = std::string(::getenv("BANGER_TEST_DIR")) + "/fetched-mise";
    const std::string text = "#!/bin/sh\necho fetched mise \"$@\"\n";
    ASSERT_TRUE(sdk::os::write_file_atomic(mise, text, 0644));
    sdk::os::Command sum;
    sum.argv = {"sha256sum", mise};
    const std::string digest = sdk::os::run(sum)->out.substr(0, 64);
    const auto settings = [&](const std::string& sha256) {
        return "[tooling]\nmise_url = \"file://" + mise + "\"\nmise_sha256 = \"" + sha256 + "\"\n";
    };
    const auto call = [](const Installation& host) {
        fs::create_directories(host.home() + "/repo");
        std::ofstream(host.home() + "/repo/.mise.toml") << "[tools]\n";
        CallOptions options;
        options.environment = {{"HOME", host.home()}, {"PATH", "/usr/bin:/bin"}};
        return host.banger({"vm", "run", "--ready", "agent", "--rm", host.home() + "/repo", "--", "sh", "-c",
                            "cat /root/.cache/banger/*; exit 7"},
                           options);
    };
    {
        const Installation host(settings(digest));
        auto first = call(host);
        EXPECT_EQ(first.status, 7);
        EXPECT_THAT(first.out, HasSubstr("fetched mise install\n")) << first.err;
        fs::remove(mise);
        auto second = call(host);
        EXPECT_THAT(second.out, HasSubstr("fetched mise install\n")) << second.err;
        EXPECT_THAT(second.err, Not(HasSubstr("fetching")));
    }
    const Installation host(settings(std::string(64, '0')));
    auto gone = call(host);
    EXPECT_EQ(gone.status, 7);
    EXPECT_THAT(gone.err, AllOf(HasSubstr("nothing installed: cannot fetch file://")));
    ASSERT_TRUE(sdk::os::write_file_atomic(mise, text, 0644));
    auto wrong = call(host);
    EXPECT_EQ(wrong.status, 7);
    EXPECT_THAT(wrong.err, HasSubstr("has the digest " + digest));
    EXPECT_TRUE(fs::is_empty(host.home() + "/cache/tooling"));
    fs::remove(mise);
}

}  // namespace
}  // namespace banger::e2e
