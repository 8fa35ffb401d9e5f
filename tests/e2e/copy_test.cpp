// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Files into a machine and out of it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

namespace fs = std::filesystem;

class Copy : public ::testing::Test {
protected:
    void SetUp() override
    {
        ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
        fs::create_directories(here + "/tree/sub/empty");
    }
    Called cp(const std::string& from, const std::string& to, const CallOptions& options = {})
    {
        return host.banger({"vm", "cp", from, to}, options);
    }
    std::string in_guest(const std::string& script) { return host.banger({"vm", "exec", "a", "--", "sh", "-c", script}).out; }
    static std::string shell(const std::string& script, const std::string& argument)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-c", script, argument};
        auto output = sdk::os::run(command);
        return output ? output->out + output->err : output.error().message;
    }

    Installation host;
    const std::string here = host.home() + "/here";
};

// Names, types, modes, sizes, times to the second and targets of links.
constexpr const char* listing = R"(cd "$0" && find . -printf '%p %y %m %s %Ts %l\n' | LC_ALL=C sort)";

TEST_F(Copy, ATreeComesBackAsItWas)
{
    std::ofstream(here + "/tree/file") << "hello\n";
    for (const std::string name : {"new\nline", "\xff\xfe", "-rf", "a b'\"c"})
        std::ofstream(here + "/tree/" + name) << name;
    std::ofstream(here + "/tree/program") << "#!/bin/sh\necho ran\n";
    fs::permissions(here + "/tree/program", fs::perms(0755));
    fs::create_symlink("sub/../file", here + "/tree/link");
    fs::create_symlink("/nowhere", here + "/tree/dangling");
    fs::create_hard_link(here + "/tree/file", here + "/tree/sub/same");
    auto in = cp(here + "/tree", "a:");
    ASSERT_EQ(in.status, 0) << in.err;
    EXPECT_EQ(in.out + in.err, "");
    EXPECT_EQ(in_guest("/root/tree/program; stat -c %h /root/tree/file; stat -c %U /root/tree/file"), "ran\n2\nroot\n");
    auto out = cp("a:tree", here + "/back");
    ASSERT_EQ(out.status, 0) << out.err;
    EXPECT_EQ(shell(listing, here + "/back"), shell(listing, here + "/tree"));
    EXPECT_EQ(shell("diff -r --no-dereference \"$0\" \"${0%tree}back\"", here + "/tree"), "");
    fs::create_directory(here + "/odd");
    ASSERT_EQ(::mkfifo((here + "/odd/fifo").c_str(), 0600), 0);
    auto odd = cp(here + "/odd", "a:");
    EXPECT_EQ(odd.status, 0);
    EXPECT_NE(odd.err.find("left out a FIFO: ./fifo"), std::string::npos) << odd.err;
    EXPECT_EQ(in_guest("ls -A odd"), "");
    expect_clean(host);
}

TEST_F(Copy, GoesWhereCpWouldPutIt)
{
    std::ofstream(here + "/tree/file") << "1";
    ASSERT_EQ(cp(here + "/tree/.", "a:/srv").status, 0);
    EXPECT_EQ(in_guest("cat /srv/file"), "1");
    ASSERT_EQ(cp(here + "/tree/file", "a:/srv/other").status, 0);
    ASSERT_EQ(cp(here + "/tree", "a:/srv/").status, 0);
    EXPECT_EQ(in_guest("cat /srv/other /srv/tree/file"), "11");
    ASSERT_EQ(cp("a:/srv/other", here).status, 0);
    EXPECT_EQ(sdk::os::read_file(here + "/other").value_or(""), "1");
    auto as_user = host.banger({"vm", "cp", "--user", "nobody", here + "/tree/file", "a:/tmp/theirs"});
    EXPECT_EQ(as_user.status, 0) << as_user.err;
    EXPECT_EQ(in_guest("stat -c %U /tmp/theirs"), "nobody\n");
    auto forbidden = host.banger({"vm", "cp", "--user", "nobody", here + "/tree/file", "a:/etc/passwd"});
    EXPECT_EQ(forbidden.status, 1);
    EXPECT_NE(forbidden.err.find("Permission denied"), std::string::npos) << forbidden.err;
}

TEST_F(Copy, StandardStreamsAndHoles)
{
    CallOptions piped;
    piped.input = std::string("\0\xff\n", 3) + std::string(100'000, 'x');
    ASSERT_EQ(cp("-", "a:/root/in", piped).status, 0);
    EXPECT_EQ(cp("a:in", "-").out, piped.input);
    EXPECT_EQ(host.banger({"-o", "json", "vm", "cp", "-", "a:counted"}, piped).out,
              "{\n  \"bytes\": " + std::to_string(piped.input.size()) + "\n}\n");
    EXPECT_EQ(cp("-", "a:/root/", piped).status, 1) << "no name";
    const std::string sparse = here + "/sparse";
    const sdk::os::UniqueFd file(::open(sparse.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::pwrite(file.get(), "end", 3, (off_t{2} << 30) - 3), 3);
    const auto in = cp(sparse, "a:");
    ASSERT_EQ(in.status, 0) << in.err;
    EXPECT_LT(in.took, std::chrono::seconds(20)) << "two gigabytes of nothing";
    EXPECT_EQ(in_guest("stat -c %s sparse; [ $(stat -c %b sparse) -lt 1000 ] && echo holes; tail -c 3 sparse"),
              "2147483648\nholes\nend");
}

TEST_F(Copy, WhatCannotWorkIsSaidAndLeavesNoHalfFile)
{
    std::ofstream(here + "/tree/file") << std::string(3 << 20, 'x');
    for (const auto& [from, to, says] :
         {std::tuple<std::string, std::string, std::string>{here + "/none", "a:", "No such file"},
          {"a:none", here, "No such file"},
          {here + "/tree", "a:/no/where", "no directory '/no'"},
          {"a:/etc", here + "/no/where", "no directory"},
          {here + "/tree", "nobody:", "nobody"},
          {"a:/dev/null", here, "a device"}}) {
        auto copied = cp(from, to);
        EXPECT_EQ(copied.status, 1) << from << ' ' << to;
        EXPECT_NE(copied.err.find(says), std::string::npos) << copied.err;
    }
    EXPECT_EQ(cp("x", "y").status, 2);
    EXPECT_EQ(cp("a:x", "a:y").status, 2);
    in_guest("mkdir /small && mount -t tmpfs -o size=1M none /small");
    auto full = cp(here + "/tree/file", "a:/small/file");
    EXPECT_EQ(full.status, 1);
    EXPECT_NE(full.err.find("No space left"), std::string::npos) << full.err;
    auto through_pipe = cp(here + "/tree", "a:/small");
    EXPECT_EQ(through_pipe.status, 1);
    EXPECT_EQ(in_guest("find /small -type f"), "");
}

TEST_F(Copy, AMachineThatDiesMeanwhileEndsTheCopy)
{
    // As long as the disk: it cannot be over before the kill.
    auto call = host.command({"vm", "cp", "/dev/zero", "a:/root/z"});
    EXPECT_EQ(cp("/dev/zero", "a:/root/z").status, 1) << "a device";
    call.argv = {"sh", "-c", "cat /dev/zero | \"$0\" vm cp - a:/root/z", host.command({}).argv.front()};
    // What is not complete has no name: the disk tells how far it is.
    const auto free_blocks = [&] { return std::stol(in_guest("stat -f -c %f /root")); };
    const long before = free_blocks();
    auto child = sdk::os::spawn(call);
    ASSERT_TRUE(child) << child.error().message;
    while (before - free_blocks() < 4000) {
    }
    ASSERT_EQ(host.banger({"vm", "kill", "a"}).status, 0);
    auto ended = child->wait();
    ASSERT_TRUE(ended);
    EXPECT_EQ(*ended, 1);
    expect_clean(host);
}

}  // namespace
}  // namespace banger::e2e
