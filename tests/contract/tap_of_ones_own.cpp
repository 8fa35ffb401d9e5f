// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tap_of_ones_own.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <sstream>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::sdk::testing {
namespace {

constexpr std::uint16_t of_no_protocol = 0x88b5;  // IEEE 802, local experimental EtherType 1

void ip(std::vector<std::string> words)
{
    words.insert(words.begin(), "ip");
    os::Command command;
    command.argv = std::move(words);
    const auto done = os::run_checked(command);
    EXPECT_TRUE(done) << done.error().message;
}

}  // namespace

bool in_own_network(const std::function<void()>& body)
{
    bool made = false;
    std::thread([&] {
        made = ::unshare(CLONE_NEWNET) == 0;
        if (made)
            body();
    }).join();
    return made;
}

TapOfOnesOwn::TapOfOnesOwn()
{
    ip({"tuntap", "add", name_, "mode", "tap", "vnet_hdr"});
    ip({"link", "set", name_, "addrgenmode", "none"});  // or the kernel has something of its own to say
    ip({"link", "set", name_, "up"});
}

Link TapOfOnesOwn::link() const
{
    Link link;
    link.attachment = {"tap", {{"name", name_}}};
    link.mac = "52:54:00:00:00:01";
    return link;
}

void TapOfOnesOwn::put(unsigned frames) const
{
    const os::UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(socket);
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(::if_nametoindex(name_.c_str()));
    to.sll_halen = 6;
    std::array<unsigned char, 1000> frame{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 2, 2, 2, 2, 2, of_no_protocol >> 8U, of_no_protocol & 0xffU};
    for (unsigned i = 0; i < frames; ++i)
        EXPECT_EQ(::sendto(socket.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
                  static_cast<ssize_t>(frame.size()));
}

std::uint64_t TapOfOnesOwn::taken() const
{
    // Of /sys what was mounted is another namespace's; this is the thread's own (proc(5)).
    std::istringstream lines(os::read_file("/proc/thread-self/net/dev").value_or({}));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        std::uint64_t bytes = 0;
        std::uint64_t frames = 0;
        if (words >> name >> bytes >> frames && name == name_ + ":")
            return frames;
    }
    ADD_FAILURE() << "there is no " << name_;
    return 0;
}

}  // namespace banger::sdk::testing
