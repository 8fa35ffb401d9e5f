// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "guest/protocol/json.hpp"
#include "guest/tree/stamp.hpp"
#include "serving_agent.hpp"

namespace banger::guest {
namespace {

class Tools : public ServingAgent {
protected:
    RunResult tool(const std::string& name, std::vector<std::string> arguments, std::string input = {})
    {
        agent::ExecSpec spec;
        spec.tool = name;
        spec.argv = std::move(arguments);
        auto result = connect()->run(spec, std::move(input), patience());
        EXPECT_TRUE(result) << result.error().message;
        return result ? *result : RunResult{};
    }
    std::string content(const std::string& name) const { return sdk::os::read_file(path(name)).value_or("(none)"); }
};

TEST_F(Tools, ATreeGoesOutAndInAgain)
{
    std::filesystem::create_directories(path("from/a"));
    std::ofstream(path("from/a/file")) << "content";
    std::filesystem::create_symlink("a/file", path("from/link"));
    const auto out = tool("pack", {path("from")});
    ASSERT_EQ(out.exit.shell_code(), 0) << out.err;
    const auto in = tool("unpack", {path("to"), "from"}, out.out);
    ASSERT_EQ(in.exit.shell_code(), 0) << in.err;
    EXPECT_EQ(content("to/a/file"), "content");
    ASSERT_EQ(tool("unpack", {path("to"), "from"}, out.out).exit.shell_code(), 0);
    EXPECT_EQ(content("to/from/link"), "content") << "into a directory that is there";
    std::filesystem::create_directories(path("to/a/file2"));
    std::ofstream(path("mirrored")) << "in the way";
    std::filesystem::create_directories(path("mirror/link"));
    ASSERT_EQ(tool("mirror", {path("mirror")}, out.out).exit.shell_code(), 0);
    EXPECT_EQ(content("mirror/link"), "content");
}

TEST_F(Tools, AFileGoesInAndOut)
{
    const std::string bytes("\0\xff line\n", 8);
    ASSERT_EQ(tool("write", {path("file")}, bytes).exit.shell_code(), 0);
    EXPECT_EQ(tool("read", {path("file")}).out, bytes);
    std::filesystem::permissions(path("file"), std::filesystem::perms::owner_all);
    ASSERT_EQ(tool("write", {path("file")}, "new").exit.shell_code(), 0);
    EXPECT_EQ(content("file"), "new");
    EXPECT_EQ(std::filesystem::status(path("file")).permissions(), std::filesystem::perms::owner_all);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 2) << "the file and the agent's socket";
}

TEST_F(Tools, AFileThatIsInterruptedLeavesNothing)
{
    std::filesystem::create_directories(path("d"));
    for (const bool over_another : {false, true}) {
        if (over_another)
            std::ofstream(path("d/file")) << "was there";
        auto client = connect();
        agent::ExecSpec spec;
        spec.tool = "write";
        spec.argv = {path("d/file")};
        RelayPeer peer(*client, "/v0/exec", to_json(spec));
        ASSERT_TRUE(peer.wait_for(agent::FrameType::started));
        for (int i = 0; i < 64; ++i)  // more than is kept on the way
            peer.send(agent::FrameType::data, std::string(agent::max_frame_payload, 'x'));
        peer.send(agent::FrameType::signal, "INT");
        ASSERT_TRUE(peer.wait_for(agent::FrameType::exit));
        EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("d")), {}), over_another ? 1 : 0);
    }
    EXPECT_EQ(content("d/file"), "was there");
}

TEST_F(Tools, ADirectoryThatIsNotCompletedIsTakenBack)
{
    std::filesystem::create_directories(path("from/a"));
    std::ofstream(path("from/a/file")) << std::string(3 << 20, 'x');
    const auto out = tool("pack", {path("from")});
    const auto cut = tool("create", {path("new/repo")}, out.out.substr(0, out.out.size() / 2));
    EXPECT_EQ(cut.exit.shell_code(), 1);
    EXPECT_EQ(agent::error_from_json(cut.err).code, sdk::Code::corrupt) << cut.err;
    EXPECT_FALSE(std::filesystem::exists(path("new/repo")));
    std::filesystem::create_directories(path("empty"));
    EXPECT_EQ(tool("create", {path("empty")}, out.out.substr(0, out.out.size() / 2)).exit.shell_code(), 1);
    EXPECT_TRUE(std::filesystem::is_empty(path("empty"))) << "it was there before";
    ASSERT_EQ(tool("create", {path("empty")}, out.out).exit.shell_code(), 0);
    EXPECT_EQ(tool("create", {path("empty")}, out.out).exit.shell_code(), 1) << "not empty any more";
    EXPECT_EQ(content("empty/a/file").size(), 3U << 20U);
}

TEST_F(Tools, ADirectoryThatNobodyCouldTakeBackIsMadeAnew)
{
    std::filesystem::create_directories(path("from"));
    std::ofstream(path("from/begun")) << "x";
    std::ofstream(path("from/file")) << std::string(3 << 20, 'x');
    const auto out = tool("gather", {path("from")}, std::string("begun\0file\0", 11));
    auto client = connect();
    agent::ExecSpec spec;
    spec.tool = "create";
    spec.argv = {path("repo")};
    RelayPeer peer(*client, "/v0/exec", to_json(spec));
    ASSERT_TRUE(peer.wait_for(agent::FrameType::started));
    for (std::size_t sent = 0; sent < 5U << 19U; sent += agent::max_frame_payload)  // more than is read ahead
        peer.send(agent::FrameType::data, std::string_view(out.out).substr(sent, agent::max_frame_payload));
    const auto here = [&](agent::ExecSpec what, std::string input = {}) {  // a new client would end the others' work
        auto ran = client->run(what, std::move(input), patience());
        EXPECT_TRUE(ran) << ran.error().message;
        return ran ? *ran : RunResult{};
    };
    here(command({"/bin/sh", "-c", "until [ -s " + path("repo/begun") + " ]; do :; done"}));
    EXPECT_EQ(content("repo/begun"), "x");
    const auto meanwhile = here(spec, out.out);
    EXPECT_EQ(agent::error_from_json(meanwhile.err).code, sdk::Code::busy) << "somebody is at it";
    EXPECT_EQ(content("repo/begun"), "x");
    peer.send(agent::FrameType::signal, "KILL");
    ASSERT_TRUE(peer.wait_for(agent::FrameType::exit));
    EXPECT_EQ(content("repo/begun"), "x") << "nobody was left to take it back";
    const auto again = here(spec, out.out);
    ASSERT_EQ(again.exit.shell_code(), 0) << again.err;
    EXPECT_EQ(content("repo/file").size(), 3U << 20U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("repo")), {}), 2);
    EXPECT_EQ(agent::error_from_json(tool("create", {path("repo")}, out.out).err).code, sdk::Code::exists);
}

TEST_F(Tools, RemovesWhatIsNamed)
{
    std::filesystem::create_directories(path("d/sub"));
    std::ofstream(path("d/new\nline")) << "x";
    std::ofstream(path("d/kept")) << "x";
    const std::string names("sub\0new\nline\0gone\0", 18);
    ASSERT_EQ(tool("remove", {path("d")}, names).exit.shell_code(), 0);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("d")), {}), 1);
    EXPECT_EQ(content("d/kept"), "x");
}

TEST_F(Tools, UnlinksFilesAndEmptyDirectoriesOnly)
{
    std::filesystem::create_directories(path("d/full/below"));
    std::filesystem::create_directories(path("d/empty"));
    std::ofstream(path("d/file")) << "x";
    std::filesystem::create_directory_symlink("full", path("d/link"));
    const std::string names("file\0full\0full/\0empty/\0link/below\0link\0gone\0gone/\0file/x\0", 57);
    const auto done = tool("unlink", {path("d")}, names);
    ASSERT_EQ(done.exit.shell_code(), 0) << done.err;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("d")), {}), 1);
    EXPECT_TRUE(std::filesystem::exists(path("d/full/below"))) << "not what was told, or not empty";
    EXPECT_EQ(agent::error_from_json(tool("unlink", {path("d")}, std::string("../d/full/below/\0", 17)).err).code,
              sdk::Code::invalid);
}

TEST_F(Tools, ScansAndGathersWhatIsNamed)
{
    std::filesystem::create_directories(path("d/sub/.git"));
    std::ofstream(path("d/sub/a")) << "12345";
    std::ofstream(path("d/b")) << "x";
    std::ofstream(path("d/sub/.git/config")) << "x";
    std::filesystem::create_symlink("b", path("d/link"));
    const auto all = tree::stamps_from_text(tool("scan", {path("d")}, std::string("./\0sub/\0link/\0gone/\0sub\0", 24)).out);
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 4U);
    EXPECT_EQ(all->at("sub/a").size, 5U);
    EXPECT_TRUE(S_ISDIR(all->at("sub").mode));
    EXPECT_TRUE(S_ISLNK(all->at("link").mode));
    const std::string names("sub/a\0gone\0../d/b\0", 18);
    EXPECT_EQ(tree::stamps_from_text(tool("scan", {path("d")}, names).out).value_or({}),
              (tree::Stamps{{"sub/a", all->at("sub/a")}}));
    const auto gathered = tool("gather", {path("d")}, std::string("sub/a\0gone\0", 11));
    ASSERT_EQ(gathered.exit.shell_code(), 0) << gathered.err;
    ASSERT_EQ(tool("mirror", {path("copy")}, gathered.out).exit.shell_code(), 0);
    EXPECT_EQ(content("copy/sub/a"), "12345");
    EXPECT_FALSE(std::filesystem::exists(path("copy/b")));
}

TEST_F(Tools, WhatChangedAfterTheScanStaysAndIsNamed)
{
    const auto expectation = [](const tree::Stamps& stamps) {
        const std::string text = tree::to_text(stamps);
        return std::to_string(text.size()) + "\n" + text;
    };
    const std::string everything("./\0sub/\0", 8);
    const auto files = [](tree::Stamps stamps) {
        std::erase_if(stamps, [](const auto& one) { return S_ISDIR(one.second.mode); });
        return stamps;
    };
    for (const char* directory : {"d/sub", "from/sub"})
        std::filesystem::create_directories(path(directory));
    for (const char* name : {"a", "b", "sub/c", "new", "appeared", "unasked"})
        std::ofstream(path(std::string("from/") + name)) << "ours";
    for (const char* name : {"a", "b", "sub/c", "vanishes", "unasked"})
        std::ofstream(path(std::string("d/") + name)) << "old";
    auto seen = files(tree::stamps_from_text(tool("scan", {path("d")}, everything).out).value_or({}));
    ASSERT_EQ(seen.size(), 5U);
    seen.erase("unasked");
    seen.erase("vanishes");
    seen.emplace("new", tree::Stamp{});
    seen.emplace("appeared", tree::Stamp{});
    std::ofstream(path("d/b")) << "theirs";
    std::ofstream(path("d/appeared")) << "theirs";
    const std::string names("a\0b\0sub/c\0new\0appeared\0unasked\0", 31);
    const auto archive = tool("gather", {path("from")}, names);
    const auto renewed = tool("renew", {path("d")}, expectation(seen) + archive.out);
    ASSERT_EQ(renewed.exit.shell_code(), 0) << renewed.err;
    EXPECT_EQ(renewed.out, std::string("appeared\0b\0", 11));
    for (const char* name : {"a", "sub/c", "new", "unasked"})
        EXPECT_EQ(content(std::string("d/") + name), "ours") << name;
    EXPECT_EQ(content("d/b") + content("d/appeared"), "theirstheirs");
    EXPECT_EQ(agent::error_from_json(tool("renew", {path("d")}, "12x\n").err).code, sdk::Code::corrupt);

    seen = files(tree::stamps_from_text(tool("scan", {path("d")}, everything).out).value_or({}));
    std::ofstream(path("d/a"), std::ios::app) << ", edited";
    seen.erase("appeared");
    const auto retired = tool("retire", {path("d")}, expectation(seen) + std::string("sub/\0", 5));
    ASSERT_EQ(retired.exit.shell_code(), 0) << retired.err;
    EXPECT_EQ(retired.out, std::string("a\0", 2));
    EXPECT_EQ(content("d/a"), "ours, edited");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path("d")), {}), 2) << "that, and what was not asked for";
}

TEST_F(Tools, WatchesUntilItsInputEnds)
{
    std::filesystem::create_directories(path("d/sub"));
    auto client = connect();
    agent::ExecSpec spec;
    spec.tool = "watch";
    spec.argv = {path("d")};
    RelayPeer peer(*client, "/v0/exec", to_json(spec));
    ASSERT_TRUE(peer.wait_for_output(std::string(".\0", 2)));
    std::filesystem::create_directories(path("d/sub/below"));
    std::ofstream(path("d/sub/early")) << "x";
    std::filesystem::create_directories(path("d/new"));
    ASSERT_TRUE(peer.wait_for_output(std::string("new\0", 4)));
    EXPECT_EQ(peer.output.find("early"), std::string::npos) << "nobody asked for what is in it";
    peer.send(agent::FrameType::data, std::string("sub\0gone\0su", 11));
    ASSERT_TRUE(peer.wait_for_output(std::string("sub/early\0", 10))) << "what is in it already";
    std::ofstream(path("d/sub/below/passed")) << "x";
    std::ofstream(path("d/sub/file")) << "x";
    ASSERT_TRUE(peer.wait_for_output(std::string("sub/file\0", 9)));
    EXPECT_EQ(peer.output.find("passed"), std::string::npos);
    std::filesystem::create_directories(path("d/gone"));
    std::ofstream(path("d/gone/file")) << "x";
    ASSERT_TRUE(peer.wait_for_output(std::string("gone/file\0", 10))) << "made later";
    peer.send(agent::FrameType::eof);
    EXPECT_TRUE(peer.wait_for(agent::FrameType::exit));
}

TEST_F(Tools, HoldsOnUntilItsInputEnds)
{
    const auto held = tool("hold", {}, "ignored");
    EXPECT_EQ(held.exit.shell_code(), 0);
    EXPECT_EQ(held.out, "");
}

TEST_F(Tools, AFailureIsAnErrorThatCanBeRead)
{
    for (const auto& [name, arguments] : {std::pair<std::string, std::vector<std::string>>{"read", {path("none")}},
                                          {"pack", {path("none")}},
                                          {"unpack", {path("no/where"), "x"}},
                                          {"remove", {path("none")}}}) {
        const auto result = tool(name, arguments);
        EXPECT_EQ(result.exit.shell_code(), 1) << name;
        EXPECT_EQ(agent::error_from_json(result.err).code, sdk::Code::not_found) << name << ": " << result.err;
    }
    EXPECT_EQ(agent::error_from_json(tool("write", {directory_.string()}, "x").err).code, sdk::Code::invalid);
    EXPECT_EQ(agent::error_from_json(tool("unpack", {path("x"), "x"}, "no archive").err).code, sdk::Code::corrupt);
}

TEST_F(Tools, AToolThatEndsEarlyLetsNobodyWaitForIt)
{
    const auto result = tool("write", {path("nowhere/file")}, std::string(20U << 20U, 'x'));
    EXPECT_EQ(result.exit.shell_code(), 1);
    EXPECT_NE(result.err.find("nowhere"), std::string::npos) << result.err;
}

TEST_F(Tools, MoreThanTheAgentHoldsArrives)
{
    std::string bytes(20U << 20U, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(i * 2654435761U >> 13U);
    ASSERT_EQ(tool("write", {path("file")}, bytes).exit.shell_code(), 0);
    EXPECT_TRUE(sdk::os::read_file(path("file"), bytes.size()).value_or("") == bytes);
}

TEST_F(Tools, AnUnknownToolIsRefused)
{
    agent::ExecSpec spec;
    spec.tool = "reformat";
    const auto result = connect()->run(spec, "", patience());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, sdk::Code::unsupported);
}

}  // namespace
}  // namespace banger::guest
