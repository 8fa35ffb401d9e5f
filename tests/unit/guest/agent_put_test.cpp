// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "core/guest/put_entries.hpp"
#include "guest/protocol/json.hpp"
#include "serving_agent.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;
using sdk::GuestEntry;
using Type = GuestEntry::Type;

class Put : public ServingAgent {
protected:
    GuestEntry file(const std::string& name, std::string content, std::uint32_t mode = 0600) const
    {
        return {Type::file, path(name), mode, {}, -1, std::move(content)};
    }
    GuestEntry directory(const std::string& name, std::uint32_t mode) const
    {
        return {Type::directory, path(name), mode, {}, -1, {}};
    }
    GuestEntry link(const std::string& name, std::string target) const
    {
        return {Type::link, path(name), 0, std::move(target), -1, {}};
    }
    sdk::Result<void> put(const std::vector<GuestEntry>& entries)
    {
        const auto client = connect();
        return put_entries(*client, entries, patience());
    }
    std::string content(const std::string& name) const
    {
        std::ostringstream text;
        text << std::ifstream(path(name), std::ios::binary).rdbuf();
        return text.str();
    }
    std::uint32_t mode(const std::string& name) const
    {
        struct stat facts {};
        return lstat(path(name).c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0;
    }
    std::size_t names_in(const std::string& name) const
    {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path(name)), {}));
    }
};

TEST_F(Put, EveryKindOfEntryIsThereWithItsMode)
{
    const std::string odd = "d/odd \n\"'\\\xff";
    const auto done = put({directory("d", 0751), file("d/a", "content", 0640), link("d/b", "a"),
                           file("d/c/e/f", "deep"), file(odd, std::string("\0x", 2)), file("d/empty", "")});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(mode("d"), 0751U);
    EXPECT_EQ(content("d/a"), "content");
    EXPECT_EQ(mode("d/a"), 0640U);
    EXPECT_EQ(std::filesystem::read_symlink(path("d/b")), "a");
    EXPECT_EQ(content("d/c/e/f"), "deep");
    EXPECT_EQ(mode("d/c"), 0755U) << "made on the way";
    EXPECT_EQ(content(odd), std::string("\0x", 2));
    EXPECT_EQ(names_in("d"), 5U) << "and nothing temporary";
    EXPECT_TRUE(put({}));
}

TEST_F(Put, WhatIsThereIsReplacedButForDirectories)
{
    std::filesystem::create_directory(path("d"));
    ASSERT_EQ(chmod(path("d").c_str(), 0700), 0);
    std::ofstream(path("d/a")) << "old";
    std::filesystem::create_symlink("nowhere", path("d/b"));
    ASSERT_TRUE(put({directory("d", 0755), file("d/b", "new"), link("d/a", "b")}));
    EXPECT_EQ(mode("d"), 0700U);
    EXPECT_FALSE(std::filesystem::is_symlink(path("d/b"))) << "the link is replaced, not what it leads to";
    EXPECT_EQ(content("d/b"), "new");
    EXPECT_EQ(std::filesystem::read_symlink(path("d/a")), "b");
}

TEST_F(Put, AFileIsReadFromItsDescriptorHoweverLong)
{
    const std::string source = path("source");
    constexpr std::size_t length = 20'000'001;
    std::string bytes(length, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 31 >> 3U);
    std::ofstream(source, std::ios::binary) << bytes;
    auto opened = sdk::os::open_file(source, O_RDONLY);
    ASSERT_TRUE(opened);
    GuestEntry entry = file("target", "not this");
    entry.source = opened->get();
    ASSERT_TRUE(put({entry, file("after", "next")}));
    EXPECT_TRUE(content("target") == bytes);
    EXPECT_EQ(content("after"), "next");
    EXPECT_GE(fcntl(opened->get(), F_GETFD), 0) << "it stays the caller's";
}

TEST_F(Put, ThousandsOfSmallFilesGoInOneRequest)
{
    std::vector<GuestEntry> entries;
    for (int i = 0; i < 5000; ++i)
        entries.push_back(file("d/" + std::to_string(i), std::to_string(i)));
    ASSERT_TRUE(put(entries));
    EXPECT_EQ(names_in("d"), 5000U);
    EXPECT_EQ(content("d/4999"), "4999");
}

TEST_F(Put, TheFirstErrorEndsItAndSaysWhere)
{
    std::filesystem::create_directory(path("dir"));
    std::ofstream(path("file")) << "x";
    const auto refused = [&](const GuestEntry& entry) {
        // Much more than fits on the way: whoever fails early must not leave the sender waiting.
        const auto done = put({file("before", "x"), entry, file("after", std::string(30'000'000, 'x'))});
        EXPECT_FALSE(done);
        EXPECT_NE(done.error().message.find(entry.path), std::string::npos) << done.error().message;
        EXPECT_EQ(content("before"), "x");
        EXPECT_FALSE(std::filesystem::exists(path("after")));
        return done ? sdk::Code::internal : done.error().code;
    };
    EXPECT_EQ(refused(file("dir", "x")), sdk::Code::invalid);
    EXPECT_EQ(refused(link("dir", "x")), sdk::Code::invalid);
    EXPECT_EQ(refused(directory("file", 0755)), sdk::Code::exists);
    EXPECT_EQ(refused(file("file/below", "x")), sdk::Code::not_found);
    EXPECT_TRUE(connect()->health(patience()));
}

TEST_F(Put, ASourceThatIsNoFileIsRefused)
{
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
    const sdk::os::UniqueFd out(pipe[0]);
    const sdk::os::UniqueFd in(pipe[1]);
    GuestEntry entry = file("target", "");
    entry.source = out.get();
    EXPECT_EQ(put({entry}).error().code, sdk::Code::invalid);
    EXPECT_EQ(names_in("."), 1U) << "the socket alone";
}

TEST_F(Put, AFileThatWasNotSentToItsEndLeavesNothing)
{
    std::ofstream(path("old")) << "old";
    const auto client = connect();
    {
        agent::EntrySpec spec;
        spec.path = path("old");
        RelayPeer peer(*client, "/v0/put", to_json(spec));
        peer.send(FrameType::data, "half of the new");
        while (names_in(".") < 3)
            std::this_thread::yield();  // until its half is there under another name
        peer.close();
        EXPECT_FALSE(peer.wait_done());
    }
    EXPECT_TRUE(client->health(patience()));  // behind the reset in the same session
    EXPECT_EQ(content("old"), "old");
    EXPECT_EQ(names_in("."), 2U);
}

TEST_F(Put, FramesThatMakeNoSenseAreRefused)
{
    const auto client = connect();
    agent::EntrySpec spec;
    spec.path = path("file");
    const auto refused = [&](const std::string& first, FrameType then) {
        RelayPeer peer(*client, "/v0/put", first);
        peer.send(then, "x");
        const auto error = peer.wait_for(FrameType::error);
        return error && agent::error_from_json(*error).code == sdk::Code::invalid;
    };
    EXPECT_TRUE(refused(to_json(spec), FrameType::spec)) << "a second file inside a file";
    EXPECT_TRUE(refused(R"({"type":"directory","path":")" + path("d") + R"("})", FrameType::data));
    EXPECT_TRUE(refused(R"({"type":"pipe","path":"/x"})", FrameType::eof));
    EXPECT_TRUE(refused(R"({"type":"link","path":"/x"})", FrameType::eof));
    EXPECT_TRUE(refused(R"({"type":"file","path":"x"})", FrameType::eof));
    EXPECT_TRUE(refused(R"({"type":"file","path":"/x","target":"y"})", FrameType::eof));
    EXPECT_EQ(names_in("."), 2U) << "the socket and the directory";
}

TEST_F(Put, ACancelledCallReturnsAndLeavesNoHalfFile)
{
    const auto client = connect();
    ASSERT_TRUE(client->health(patience()));
    std::stop_source stop;
    stop.request_stop();
    const auto done = put_entries(*client, {file("a", std::string(30'000'000, 'x'))},
                                  Patience::of(std::chrono::seconds(30), stop.get_token()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, sdk::Code::cancelled);
    EXPECT_TRUE(client->health(patience()));
    EXPECT_FALSE(std::filesystem::exists(path("a")));
}

TEST_F(Put, WhoeverWaitsForASilentGuestCanBeCancelled)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const sdk::os::UniqueFd silent(ends[1]);
    const auto client = open(sdk::os::UniqueFd(ends[0]));
    std::stop_source stop;
    auto done = std::async(std::launch::async, [&] {
        const auto whole = std::string(30'000'000, 'x');  // more than fits on the way, so that the sender waits
        return put_entries(*client, {file("a", whole)}, Patience{Patience().deadline, stop.get_token()});
    });
    std::array<char, 1> greeting{};
    ASSERT_EQ(recv(silent.get(), greeting.data(), greeting.size(), MSG_PEEK), 1);
    stop.request_stop();
    const auto how = done.get();
    ASSERT_FALSE(how);
    EXPECT_EQ(how.error().code, sdk::Code::cancelled) << how.error().message;
}

TEST_F(Put, AnAgentThatDiesIsUnavailable)
{
    const auto client = connect();
    ASSERT_TRUE(client->health(patience()));
    kill_agent();
    const auto done = put_entries(*client, {file("a", std::string(30'000'000, 'x'))}, patience());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, sdk::Code::unavailable) << done.error().message;
}

}  // namespace
}  // namespace banger::guest
