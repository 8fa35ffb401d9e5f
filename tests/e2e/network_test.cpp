// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What a guest reaches and what it does not. In a network namespace of the test's own, where addresses of the internet and
// of a private network both belong to the test: so that "refused" is told apart from "there is no network at all".
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>
#include <mutex>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"

namespace banger::e2e {
namespace {

constexpr const char* on_the_internet = "203.0.113.7";  // documentation addresses (RFC 5737): nobody's, so ours in here
constexpr const char* resolver = "203.0.113.53";
constexpr const char* private_host = "10.77.0.1";
constexpr int status_skipped = 77;

sockaddr_in address_of(const char* host, std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

// An ordinary user gets the right to make the others with a user namespace. There they stay who they are, for root there
// would be nobody's files; so the rights last until this process starts another.
bool enter_namespaces()
{
    const auto uid = std::to_string(::getuid());
    const auto gid = std::to_string(::getgid());
    const int user = ::getuid() == 0 ? 0 : CLONE_NEWUSER;
    if (::unshare(user | CLONE_NEWNET | CLONE_NEWNS) != 0)
        return false;
    const auto tell = [](const char* file, const std::string& text) {
        const sdk::os::UniqueFd fd(::open(file, O_WRONLY | O_CLOEXEC));
        return ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    };
    return user == 0 ||
           (tell("/proc/self/setgroups", "deny") && tell("/proc/self/uid_map", uid + " " + uid + " 1") &&
            tell("/proc/self/gid_map", gid + " " + gid + " 1"));
}

// Loopback up, and with these addresses beside its own: netdevice(7), as `ip` would be a process without our rights.
void add_addresses(const std::vector<const char*>& hosts)
{
    const sdk::os::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
    ASSERT_EQ(::ioctl(any.get(), SIOCSIFFLAGS, &request), 0);
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const std::string alias = "lo:" + std::to_string(i);
        alias.copy(request.ifr_name, IFNAMSIZ - 1);
        for (const auto& [what, host] : {std::pair{SIOCSIFADDR, hosts[i]}, {SIOCSIFNETMASK, "255.255.255.255"}}) {
            const auto address = address_of(host, 0);
            std::memcpy(&request.ifr_addr, &address, sizeof address);
            ASSERT_EQ(::ioctl(any.get(), what, &request), 0) << hosts[i];
        }
    }
}

void make_network(const std::string& directory)
{
    add_addresses({on_the_internet, resolver, private_host});
    const std::string names = directory + "/resolv.conf";
    ASSERT_TRUE(sdk::os::write_file_atomic(names, "nameserver " + std::string(resolver) + "\n", 0644));
    ASSERT_EQ(::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(::mount(names.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr), 0);
}

sockaddr_in own_address(int socket)
{
    sockaddr_in address{};
    socklen_t length = sizeof address;
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
    return address;
}

sdk::os::UniqueFd bound(int type, const char* host, std::uint16_t port)
{
    sdk::os::UniqueFd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const auto address = address_of(host, port);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << host;
    return socket;
}

/// Greets whoever connects to any address of the namespace, and keeps which address that was.
class Greeter {
public:
    Greeter() : listener_(bound(SOCK_STREAM, "0.0.0.0", 0))
    {
        EXPECT_EQ(::listen(listener_.get(), 16), 0);
        thread_ = std::thread([this] { serve(); });
    }
    ~Greeter()
    {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::string port() const { return std::to_string(ntohs(own_address(listener_.get()).sin_port)); }
    [[nodiscard]] std::vector<std::string> reached()
    {
        const std::lock_guard held(mutex_);
        return reached_;
    }

private:
    void serve()
    {
        for (;;) {
            const sdk::os::UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (client.get() < 0)
                return;
            std::array<char, INET_ADDRSTRLEN> text{};
            const auto address = own_address(client.get());
            ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
            {
                const std::lock_guard held(mutex_);
                reached_.emplace_back(text.data());
            }
            (void)!::write(client.get(), "hello\n", 6);
        }
    }

    sdk::os::UniqueFd listener_;
    std::mutex mutex_;
    std::vector<std::string> reached_;
    std::thread thread_;
};

/// A name server that knows every name: each is `on_the_internet` (RFC 1035, section 4).
class NameServer {
public:
    NameServer() : socket_(bound(SOCK_DGRAM, resolver, 53)), thread_([this] { serve(); }) {}
    ~NameServer()
    {
        ::shutdown(socket_.get(), SHUT_RDWR);
        thread_.join();
    }

private:
    void serve() const
    {
        constexpr std::size_t header = 12;
        std::array<char, 512> query{};
        sockaddr_in from{};
        socklen_t length = sizeof from;
        for (;;) {
            const ssize_t got = ::recvfrom(socket_.get(), query.data(), query.size(), 0,
                                           reinterpret_cast<sockaddr*>(&from), &length);
            if (got <= 0)
                return;
            const std::string text(query.data(), static_cast<std::size_t>(got));
            const auto end = text.find('\0', header);
            if (end == std::string::npos || text.size() < end + 5)
                continue;
            const bool asks_for_ipv4 = text[end + 2] == 1;
            std::string answer = text.substr(0, 2) + std::string("\x81\x80\x00\x01\x00", 5) +
                                 (asks_for_ipv4 ? '\x01' : '\0') + std::string(4, '\0') +
                                 text.substr(header, end + 5 - header);
            const auto address = address_of(on_the_internet, 0).sin_addr;
            if (asks_for_ipv4)
                answer += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04", 12) +
                          std::string(reinterpret_cast<const char*>(&address), sizeof address);
            ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
        }
    }

    sdk::os::UniqueFd socket_;
    std::thread thread_;
};

// What a guest hears from a host; empty if it does not get there. Whoever may, gets there at once on an idle machine.
std::string heard_from(const Installation& host, const std::string& vm, const std::string& target,
                       const Greeter& greeter, bool expected = false)
{
    return host
        .banger({"vm", "exec", vm, "--", "timeout", expected ? "30" : "3", "bash", "-c",
                 "exec 3<>/dev/tcp/" + target + "/" + greeter.port() + " && read -r line <&3 && echo $line"})
        .out;
}

std::string gateway_of(const Installation& host, const std::string& vm)
{
    auto out = host.banger({"vm", "exec", vm, "--", "sh", "-c", "ip -4 route show default | cut -d' ' -f3"}).out;
    return out.substr(0, out.find('\n'));
}

void check_egress()
{
    const Installation host;
    make_network(host.home());
    ASSERT_FALSE(::testing::Test::HasFailure());
    Greeter greeter;
    const NameServer names;
    for (const std::string egress : {"internet", "all", "none"}) {
        const bool any = egress != "none";
        auto made = host.banger({"vm", "create", "--name", egress, "--ready", "agent", "--egress", egress});
        ASSERT_EQ(made.status, 0) << made.err;
        EXPECT_EQ(heard_from(host, egress, on_the_internet, greeter, any), any ? "hello\n" : "") << egress;
        const bool all = egress == "all";
        EXPECT_EQ(heard_from(host, egress, private_host, greeter, all), all ? "hello\n" : "") << egress;
        auto resolved = host.banger(
            {"vm", "exec", egress, "--", "timeout", any ? "30" : "3", "getent", "ahostsv4", "a.example"});
        EXPECT_EQ(resolved.out.starts_with(std::string(on_the_internet) + " "), any) << egress << resolved.out;
        const auto gateway = gateway_of(host, egress);
        EXPECT_EQ(gateway.empty(), !any) << egress << ": " << gateway;
        // Names of the host itself, whatever the policy: what QEMU's and passt's own networks map to its loopback.
        for (const std::string& target : {gateway, std::string("10.0.2.2"), std::string("10.0.2.3")})
            if (!target.empty()) {
                EXPECT_EQ(heard_from(host, egress, target, greeter), "") << egress << ": through " << target;
            }
        ASSERT_EQ(host.banger({"vm", "delete", "-f", egress}).status, 0);
    }
    EXPECT_EQ(greeter.reached(), (std::vector<std::string>{on_the_internet, on_the_internet, private_host}));
}

TEST(Network, AGuestReachesWhatItsPolicyAllowsAndNeverTheHostsLoopback)
{
    const pid_t child = ::fork();
    if (child == 0) {
        if (!enter_namespaces())
            ::_exit(status_skipped);
        check_egress();
        ::fflush(nullptr);
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == status_skipped)
        GTEST_SKIP() << "no network namespaces for this user here";
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see above";
}

}  // namespace
}  // namespace banger::e2e
