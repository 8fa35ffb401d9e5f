// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Packets of every malformed kind: each file of the fuzz target's corpus, changed in the same thousands of ways in every run.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <random>

#include "banger/sdk/os/file.hpp"
#include "kept_answers.hpp"
#include "questions.hpp"
#include "server.hpp"

namespace banger::dns {
namespace {

using namespace testing;

constexpr int changes_of_each = 200;
constexpr std::size_t most_bytes = 1400;

std::vector<std::string> corpus()
{
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(BANGER_DNS_CORPUS))
        files.push_back(*sdk::os::read_file(entry.path()));
    std::sort(files.begin(), files.end());
    return files;
}

/// mt19937's numbers are the same everywhere (C++ standard, [rand.predef]); the library's distributions are not.
class Changes {
public:
    explicit Changes(std::vector<std::string> corpus) : corpus_(std::move(corpus)) {}

    std::string changed(std::string packet)
    {
        for (auto times = 1 + below(4); times > 0; --times)
            packet = once(std::move(packet));
        packet.resize(std::min(packet.size(), most_bytes));
        return packet;
    }

private:
    std::size_t below(std::size_t most) { return most == 0 ? 0 : random_() % most; }
    char byte() { return static_cast<char>(random_()); }

    std::string once(std::string packet)
    {
        if (packet.empty())
            return std::string(1 + below(64), byte());
        const auto at = below(packet.size());
        switch (below(8)) {
        case 0: packet[at] = static_cast<char>(packet[at] ^ static_cast<char>(1U << below(8))); break;
        case 1: packet[at] = byte(); break;
        case 2: packet.insert(at, 1 + below(8), byte()); break;
        case 3: packet.erase(at, 1 + below(8)); break;
        case 4: packet.resize(at); break;
        case 5: {
            const auto& other = corpus_[below(corpus_.size())];
            packet = packet.substr(0, at) + other.substr(below(other.size() + 1));
            break;
        }
        case 6: packet[std::min<std::size_t>(packet.size() - 1, 4 + below(8))] = byte(); break;  // how many records
        default:  // a pointer in a name (RFC 1035, 4.1.4)
            packet.insert(at, u16(0xc000U | static_cast<unsigned>(below(packet.size() + 4))));
        }
        return packet;
    }

    std::vector<std::string> corpus_;
    std::mt19937 random_{20240501};  // NOLINT(cert-msc51-cpp): the same in every run
};

class MalformedTest : public ::testing::Test {
protected:
    MalformedTest()
    {
        EXPECT_TRUE(zone.publish({"web.vm", {"127.86.0.1", "fd00::1"}}));
        EXPECT_TRUE(zone.publish({"a.b.vm", {"127.86.0.2"}}));
        const auto files = corpus();
        Changes changes(files);
        for (const auto& file : files) {
            packets.push_back(file.substr(0, most_bytes));
            for (int i = 0; i < changes_of_each; ++i)
                packets.push_back(changes.changed(file));
        }
    }

    Zone zone{"vm"};
    std::vector<std::string> packets;
};

TEST_F(MalformedTest, EachIsAnsweredToItsSenderOrNotAtAllAndFromMemoryAsAtFirst)
{
    ASSERT_GT(packets.size(), 5000U);
    KeptAnswers kept(zone);
    for (const auto& packet : packets)
        for (const auto transport : {Transport::udp, Transport::tcp}) {
            const auto reply = answer(zone, packet, transport);
            ASSERT_EQ(kept.answer(packet, transport), reply);
            ASSERT_EQ(kept.answer(packet, transport), reply);
            if (reply.empty())
                continue;
            ASSERT_GE(reply.size(), 12U);
            ASSERT_EQ(reply.substr(0, 2), packet.substr(0, 2));
            ASSERT_TRUE(header_of(reply).is_answer);
            ASSERT_TRUE(transport == Transport::tcp || reply.size() <= most_udp_bytes);
        }
}

TEST_F(MalformedTest, NoneOfThemStopsTheServer)
{
    auto sockets = open_sockets({"127.0.0.1", 42700});
    ASSERT_TRUE(sockets) << sockets.error().message;
    const auto started = Server::start(zone, std::move(*sockets));
    ASSERT_TRUE(started) << started.error().message;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((*started)->endpoint().port);
    const auto connected = [&](int type) {
        sdk::os::UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        const timeval patience{5, 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        return fd;
    };
    const std::string good = question("web.vm", type_a);
    std::array<char, 65536> bytes{};
    const auto datagrams = connected(SOCK_DGRAM);
    const auto is_answered = [&] {
        ::send(datagrams.get(), good.data(), good.size(), 0);
        for (ssize_t got = 1; got > 0;) {
            got = ::recv(datagrams.get(), bytes.data(), bytes.size(), 0);
            const std::string reply(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            if (reply.size() > 12 && header_of(reply).id == 0x4242U && header_of(reply).answers == 1U)
                return true;
        }
        return false;
    };
    constexpr std::size_t at_once = 50;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        ::send(datagrams.get(), packets[i].data(), packets[i].size(), 0);
        if (i % at_once == 0) {
            ASSERT_TRUE(is_answered()) << "after packet " << i;
        }
    }
    // Over TCP with their length in front, and as what is to be one.
    for (std::size_t i = 0; i < packets.size(); i += at_once) {
        const auto stream = connected(SOCK_STREAM);
        std::string all = i % 2 == 0 ? packets[i] : std::string();
        for (std::size_t j = i; j < std::min(i + at_once, packets.size()); ++j)
            all += u16(static_cast<unsigned>(packets[j].size())) + packets[j];
        (void)::send(stream.get(), all.data(), all.size(), MSG_NOSIGNAL);
        ::shutdown(stream.get(), SHUT_WR);
        while (::recv(stream.get(), bytes.data(), bytes.size(), 0) > 0) {
        }
    }
    EXPECT_TRUE(is_answered());
}

}  // namespace
}  // namespace banger::dns
