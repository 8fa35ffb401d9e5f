// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/integration/guest.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::tap {

namespace os = sdk::os;

namespace {

sockaddr_in name_of(const std::string& address, std::uint16_t port)
{
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &name.sin_addr), 1) << address;
    return name;
}

os::UniqueFd open_tap(const std::string& name)
{
    auto tun = open_tun();
    EXPECT_EQ(take_tap(tun, name), 0) << name;
    return tun;
}

}  // namespace

Namespace::Namespace()
{
    std::thread([&] {
        EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
        namespace_ = os::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        said({"ip", "link", "set", "lo", "up"});
    }).join();
}

void Namespace::run(const std::function<void()>& body) const
{
    std::thread([&] {
        EXPECT_EQ(::setns(namespace_.get(), CLONE_NEWNET), 0);
        body();
    }).join();
}

// Else the kernel itself takes no such packet from there (Documentation/networking/ip-sysctl.rst, route_localnet).
void allow_loopback_over(const std::string& interface)
{
    const auto setting = os::open_file("/proc/sys/net/ipv4/conf/" + interface + "/route_localnet", O_WRONLY);
    ASSERT_TRUE(setting) << setting.error().message;
    EXPECT_TRUE(os::write_all(setting->get(), "1"));
}

os::UniqueFd open_tun()
{
    return os::UniqueFd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

int take_tap(const os::UniqueFd& tun, const std::string& name)
{
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    return ::ioctl(tun.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

Guest::Guest(const sdk::Link& link) : ours_(open_tap(link.attachment.fields.at("name")))
{
    network_.run([&] {
        theirs_ = open_tap("eth0");
        said({"ip", "link", "set", "eth0", "address", link.mac});
        said({"ip", "address", "add", link.address, "dev", "eth0"});
        said({"ip", "link", "set", "eth0", "up"});
        said({"ip", "route", "add", "default", "via", link.gateway});
    });
    wire_ = std::thread([&] { carry(); });
}

Guest::~Guest()
{
    ::eventfd_write(stop_.get(), 1);
    wire_.join();
}

void Guest::ip(std::vector<std::string> words) const
{
    words.insert(words.begin(), "ip");
    network_.run([&] { said(words); });
}

bool Guest::reaches(const std::string& address, std::uint16_t port) const
{
    bool reached = false;
    network_.run([&] {
        const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto name = name_of(address, port);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
            constexpr int patience_ms = 1500;  // longer than the kernel's first try again
            pollfd connected{socket.get(), POLLOUT, 0};
            if (errno != EINPROGRESS || ::poll(&connected, 1, patience_ms) != 1)
                return;
        }
        int why = 0;
        socklen_t length = sizeof why;
        reached = ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &why, &length) == 0 && why == 0;
    });
    return reached;
}

void Guest::serve()
{
    network_.run([&] { service_ = listen_on("0.0.0.0"); });
}

void Guest::take_loopback_by(const std::string& gateway) const
{
    network_.run([&] {
        said({"ip", "address", "flush", "dev", "lo"});
        allow_loopback_over("eth0");
        said({"ip", "route", "add", "127.0.0.0/8", "via", gateway});
    });
}

std::unique_ptr<FrameSocket> Guest::frames() const
{
    std::unique_ptr<FrameSocket> frames;
    network_.run([&] { frames = std::make_unique<FrameSocket>("eth0"); });
    return frames;
}

os::UniqueFd Guest::listen_on(const std::string& address, std::uint16_t port)
{
    os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto name = name_of(address, port);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0) << address;
    EXPECT_EQ(::listen(socket.get(), 16), 0);
    return socket;
}

void Guest::carry() const
{
    std::array<pollfd, 3> ends{pollfd{ours_.get(), POLLIN, 0}, {theirs_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    std::array<char, 65536> frame{};
    while (::poll(ends.data(), ends.size(), -1) > 0 && ends[2].revents == 0)
        for (const std::size_t from : {0U, 1U}) {
            const ssize_t got = ::read(ends[from].fd, frame.data(), frame.size());
            if (got > 0)
                (void)!::write(ends[1 - from].fd, frame.data(), static_cast<std::size_t>(got));
        }
}

}  // namespace banger::tap
