// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "guest/protocol/json.hpp"
#include "serving_agent.hpp"

namespace banger::guest {
namespace {

using agent::FrameType;

class Files : public ServingAgent {
protected:
    agent::FileSpec file(const std::string& name)
    {
        agent::FileSpec spec;
        spec.path = path(name);
        spec.uid = getuid();
        spec.gid = getgid();
        return spec;
    }
    std::string content(const std::string& name)
    {
        std::ostringstream text;
        text << std::ifstream(path(name), std::ios::binary).rdbuf();
        return text.str();
    }
    std::size_t files() const
    {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory_), {})) -
               1;  // the socket
    }
};

TEST_F(Files, AWrittenFileIsThereWithItsMode)
{
    auto spec = file("new");
    spec.mode = 0640;
    const std::string bytes(3'000'000, 'w');
    for (const bool fsync : {false, true}) {
        spec.fsync = fsync;
        const auto written = connect()->write_file(spec, bytes, patience());
        ASSERT_TRUE(written) << written.error().message;
        struct stat facts {};
        ASSERT_EQ(stat(spec.path.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 07777U, 0640U);
        EXPECT_TRUE(content("new") == bytes);
    }
    EXPECT_EQ(files(), 1U);
}

TEST_F(Files, AnEmptyFileAndMissingDirectories)
{
    auto spec = file("a/b/empty");
    ASSERT_FALSE(connect()->write_file(spec, "", patience()));
    spec.parents = true;
    ASSERT_TRUE(connect()->write_file(spec, "", patience()));
    EXPECT_TRUE(std::filesystem::exists(spec.path));
}

TEST_F(Files, AFileThatWasNotSentToItsEndLeavesNothing)
{
    std::ofstream(path("old")) << "old";
    const auto client = connect();
    {
        RelayPeer peer(*client, "/v0/write", to_json(file("old")));
        peer.send(FrameType::data, "half of the new");
        peer.close();
        EXPECT_FALSE(peer.wait_done());
    }
    EXPECT_TRUE(client->health(patience()));  // behind the reset in the same session
    EXPECT_EQ(content("old"), "old");
    EXPECT_EQ(files(), 1U);
}

TEST_F(Files, RefusesADirectoryAndAPlaceThatIsNone)
{
    std::filesystem::create_directory(path("dir"));
    EXPECT_EQ(connect()->write_file(file("dir"), "x", patience()).error().code, sdk::Code::invalid);
    EXPECT_EQ(connect()->write_file(file("none/x"), "x", patience()).error().code, sdk::Code::not_found);
    EXPECT_EQ(connect()->read_file(path("dir"), 100, patience()).error().code, sdk::Code::invalid);
    EXPECT_EQ(connect()->read_file(path("none"), 100, patience()).error().code, sdk::Code::not_found);
}

TEST_F(Files, ReadsAFileWholeOrSaysItIsTooLong)
{
    std::ofstream(path("data")) << std::string(2'000'000, 'r');
    EXPECT_EQ(connect()->read_file(path("data"), 2'000'000, patience())->size(), 2'000'000U);
    EXPECT_EQ(connect()->read_file(path("data"), 1'999'999, patience()).error().code, sdk::Code::invalid);
    EXPECT_FALSE(connect()->read_file("/proc/self/status", 100'000, patience())->empty());
}

TEST_F(Files, AReadBeginsWithTheFilesFacts)
{
    std::ofstream(path("data")) << "12345";
    const auto client = connect();
    RelayPeer peer(*client, "/v0/read", to_json(file("data")));
    const auto facts = peer.wait_for(FrameType::started);
    ASSERT_TRUE(facts);
    const auto document = agent::parse_object(*facts, "facts");
    EXPECT_EQ((*document)["size"].GetInt(), 5);
    EXPECT_EQ(peer.wait_for(FrameType::data), "12345");
    EXPECT_TRUE(peer.wait_for(FrameType::eof));
    EXPECT_TRUE(peer.wait_done());
}

TEST_F(Files, ConnectsToASocketOfTheGuest)
{
    const auto echo = path("echo.sock");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    echo.copy(address.sun_path, sizeof address.sun_path - 1);
    const sdk::os::UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    std::thread server([&] {
        const sdk::os::UniqueFd connection(accept(listener.get(), nullptr, nullptr));
        std::array<char, 65536> piece;
        for (ssize_t count = 0; (count = recv(connection.get(), piece.data(), piece.size(), 0)) > 0;)
            send(connection.get(), piece.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
    });
    const auto client = connect();
    RelayPeer peer(*client, "/v0/connect", to_json(agent::ConnectSpec{0, {}, echo}));
    peer.send(FrameType::data, "hello ");  // not waiting for `started`
    peer.send(FrameType::data, "there");
    peer.send(FrameType::eof);
    std::string got;
    while (const auto frame = peer.next())
        if (frame->type == FrameType::data)
            got += frame->payload;
    EXPECT_EQ(got, "hello there");
    EXPECT_TRUE(peer.wait_done());
    server.join();
}

TEST_F(Files, SaysWhenNobodyListens)
{
    const auto client = connect();
    RelayPeer peer(*client, "/v0/connect", to_json(agent::ConnectSpec{0, {}, path("nobody.sock")}));
    const auto error = peer.wait_for(FrameType::error);
    ASSERT_TRUE(error);
    EXPECT_EQ(agent::error_from_json(*error).code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::guest
