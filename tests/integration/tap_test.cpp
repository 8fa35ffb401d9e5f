// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// net-tap with real traffic. This program is the host, in a network namespace of its own; guests and the outside have one
// each. A guest's is the kernel's own stack behind a tap, whose frames go to and from the tap that a VMM would open.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <net/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <thread>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/kill_walk.hpp"
#include "table_changes.hpp"
#include "tap_network.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::Egress;
using ::testing::HasSubstr;
using ::testing::Not;
namespace os = sdk::os;

constexpr const char* on_the_internet = "203.0.113.7";  // documentation addresses (RFC 5737): nobody's, so ours in here
constexpr const char* private_host = "10.77.0.1";
constexpr const char* metadata = "169.254.169.254";
constexpr std::uint16_t port = 8080;

std::string said(const std::vector<std::string>& argv)
{
    os::Command command;
    command.argv = argv;
    const auto output = os::run_checked(command);
    EXPECT_TRUE(output) << output.error().message;
    return output ? output->out : std::string();
}

sockaddr_in name_of(const std::string& address, std::uint16_t of_port = port)
{
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(of_port);
    EXPECT_EQ(::inet_pton(AF_INET, address.c_str(), &name.sin_addr), 1) << address;
    return name;
}

// A network of somebody else. It lasts as long as this object and what was made in it.
class Namespace {
public:
    Namespace()
    {
        std::thread([&] {
            EXPECT_EQ(::unshare(CLONE_NEWNET), 0);
            namespace_ = os::UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
            said({"ip", "link", "set", "lo", "up"});
        }).join();
    }
    // Runs it there, also what it starts.
    void run(const std::function<void()>& body) const
    {
        std::thread([&] {
            EXPECT_EQ(::setns(namespace_.get(), CLONE_NEWNET), 0);
            body();
        }).join();
    }

private:
    os::UniqueFd namespace_;
};

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

// An errno, or 0: then it is who has it until the descriptor is closed.
int take_tap(const os::UniqueFd& tun, const std::string& name)
{
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    return ::ioctl(tun.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

os::UniqueFd open_tap(const std::string& name)
{
    auto tun = open_tun();
    EXPECT_EQ(take_tap(tun, name), 0) << name;
    return tun;
}

void take_mounts_of_its_own()
{
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
}

constexpr uid_t nobody = 65534;

// In a process of its own, for there is no way back.
void run_as_nobody(const std::function<void()>& body)
{
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        EXPECT_EQ(::setresuid(nobody, nobody, nobody), 0);
        body();
        ::_exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
}

// Bytes of frames (RFC 894, RFC 826, RFC 791).
using Mac = std::array<char, 6>;

Mac mac_from(const std::string& text)
{
    Mac mac{};
    std::istringstream bytes(text);
    std::string byte;
    for (char& one : mac) {
        std::getline(bytes, byte, ':');
        one = static_cast<char>(std::stoi(byte, nullptr, 16));
    }
    return mac;
}

std::string bytes_of(const Mac& mac)
{
    return {mac.begin(), mac.end()};
}

std::string bytes_of(const std::string& address)
{
    const auto name = name_of(address);
    return {reinterpret_cast<const char*>(&name.sin_addr), sizeof name.sin_addr};
}

constexpr Mac everybody{'\xff', '\xff', '\xff', '\xff', '\xff', '\xff'};
constexpr Mac no_guest{'\x52', '\x54', '\x00', '\x00', '\x00', '\x01'};
constexpr std::string_view ip_type("\x08\x00", 2), arp_type("\x08\x06", 2), ipv6_type("\x86\xdd", 2);

std::string frame(const Mac& to, const Mac& from, std::string_view type, const std::string& body)
{
    return bytes_of(to) + bytes_of(from) + std::string(type) + body;
}

// "That address is at that hardware address", to all.
std::string arp_answer(const Mac& frames_from, const Mac& says, const std::string& address)
{
    return frame(everybody, frames_from, arp_type,
                 std::string("\x00\x01\x08\x00\x06\x04\x00\x02", 8) + bytes_of(says) + bytes_of(address) + bytes_of(everybody) +
                     bytes_of(address));
}

// A packet of a protocol for experiments (RFC 3692), empty.
std::string packet(const std::string& from, const std::string& to)
{
    std::string bytes = std::string("\x45\x00\x00\x14\x00\x00\x00\x00\x40\xfd\x00\x00", 12) + bytes_of(from) + bytes_of(to);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += static_cast<unsigned char>(bytes[i]) << 8U | static_cast<unsigned char>(bytes[i + 1]);
    sum = (sum >> 16U) + (sum & 0xffffU);
    sum = ~(sum + (sum >> 16U));
    bytes[10] = static_cast<char>(sum >> 8U);
    bytes[11] = static_cast<char>(sum);
    return bytes;
}

// All frames of an interface of this thread's network namespace (packet(7)).
class FrameSocket {
public:
    explicit FrameSocket(const std::string& interface)
        : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)))
    {
        sockaddr_ll name{};
        name.sll_family = AF_PACKET;
        name.sll_protocol = htons(ETH_P_ALL);
        name.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0) << interface;
        packet_mreq all{};
        all.mr_ifindex = name.sll_ifindex;
        all.mr_type = PACKET_MR_PROMISC;
        EXPECT_EQ(::setsockopt(socket_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all), 0);
    }
    void send(const std::string& bytes) const
    {
        EXPECT_EQ(::send(socket_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    // Those that come until this one does, without it.
    [[nodiscard]] std::vector<std::string> until(const std::string& last) const
    {
        constexpr int patience_ms = 10000;
        std::vector<std::string> before;
        std::array<char, 65536> bytes{};
        pollfd readable{socket_.get(), POLLIN, 0};
        while (::poll(&readable, 1, patience_ms) == 1) {
            const auto got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
            before.emplace_back(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            if (before.back() == last) {
                before.pop_back();
                return before;
            }
        }
        ADD_FAILURE() << "it never came";
        return before;
    }

private:
    os::UniqueFd socket_;
};

class Guest {
public:
    explicit Guest(const sdk::Link& link) : ours_(open_tap(link.attachment.fields.at("name")))
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
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;
    ~Guest()
    {
        ::eventfd_write(stop_.get(), 1);
        wire_.join();
    }

    void ip(std::vector<std::string> words) const
    {
        words.insert(words.begin(), "ip");
        network_.run([&] { said(words); });
    }
    [[nodiscard]] bool reaches(const std::string& address, std::uint16_t of_port = port) const
    {
        bool reached = false;
        network_.run([&] {
            const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            const auto name = name_of(address, of_port);
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
    void serve()
    {
        network_.run([&] { service_ = listen_on("0.0.0.0"); });
    }
    // From now on it goes that way for 127.0.0.1 too.
    void take_loopback_by(const std::string& gateway) const
    {
        network_.run([&] {
            said({"ip", "address", "flush", "dev", "lo"});
            allow_loopback_over("eth0");
            said({"ip", "route", "add", "127.0.0.0/8", "via", gateway});
        });
    }
    [[nodiscard]] std::unique_ptr<FrameSocket> frames() const
    {
        std::unique_ptr<FrameSocket> frames;
        network_.run([&] { frames = std::make_unique<FrameSocket>("eth0"); });
        return frames;
    }
    static os::UniqueFd listen_on(const std::string& address, std::uint16_t of_port = port)
    {
        os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const auto name = name_of(address, of_port);
        EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0) << address;
        EXPECT_EQ(::listen(socket.get(), 16), 0);
        return socket;
    }

private:
    void carry() const
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

    Namespace network_;
    os::UniqueFd ours_;
    os::UniqueFd theirs_;
    os::UniqueFd service_;
    os::UniqueFd stop_{::eventfd(0, EFD_CLOEXEC)};
    std::thread wire_;
};

// What changes among the interfaces of this network namespace, from now on (rtnetlink(7)).
class LinkChanges {
public:
    LinkChanges() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))
    {
        sockaddr_nl name{};
        name.nl_family = AF_NETLINK;
        name.nl_groups = RTMGRP_LINK;
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    }
    // False if nothing does for long.
    [[nodiscard]] bool wait() const
    {
        constexpr int patience_ms = 10000;
        pollfd changed{socket_.get(), POLLIN, 0};
        std::array<char, 65536> told{};
        return ::poll(&changed, 1, patience_ms) == 1 && ::recv(socket_.get(), told.data(), told.size(), 0) > 0;
    }

private:
    os::UniqueFd socket_;
};

class HostOfAUser : public sdk::testing::FakeHost {
public:
    [[nodiscard]] uid_t user() const override { return served; }

    uid_t served = ::geteuid();
};

class Tap : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (::unshare(CLONE_NEWNET) != 0)
            GTEST_SKIP() << "no network namespace can be made here";
        said({"ip", "link", "set", "lo", "up"});
        config.pool = 2;
        reopen();
        const auto probe = network->probe(call);
        ASSERT_TRUE(probe);
        if (!probe->usable)
            GTEST_SKIP() << probe->reason;
    }
    void TearDown() override
    {
        if (network == nullptr)
            return;
        for (const auto& handle : network->list().value_or({}))
            EXPECT_TRUE(network->release(handle));
        network.reset();
        EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr(host.instance())));
        EXPECT_THAT(said({"nft", "list", "tables"}), Not(HasSubstr(host.instance())));
    }

    void reopen()
    {
        network.reset();
        network = make_network(host, config);
    }
    // Beyond the host: addresses of the internet, of a private network, and where clouds have metadata.
    void make_outside()
    {
        const auto here = std::to_string(::getpid());
        outside.run([&] {
            said({"ip", "link", "add", "down0", "type", "veth", "peer", "name", "up0"});
            said({"ip", "link", "set", "up0", "netns", here});
        });
        said({"ip", "address", "add", "198.51.100.1/24", "dev", "up0"});
        said({"ip", "link", "set", "up0", "up"});
        outside.run([&] {
            said({"ip", "address", "add", "198.51.100.2/24", "dev", "down0"});
            said({"ip", "link", "set", "down0", "up"});
            for (const char* address : {on_the_internet, private_host, metadata}) {
                said({"ip", "address", "add", std::string(address) + "/32", "dev", "lo"});
            }
            service = Guest::listen_on("0.0.0.0");
        });
        said({"ip", "route", "add", "default", "via", "198.51.100.2"});
    }
    sdk::LinkSpec new_spec(Egress egress = Egress::internet) { return {host.new_owner(), egress, "link:tap"}; }
    sdk::Attached<sdk::Link> must_attach(const sdk::LinkSpec& spec)
    {
        auto attached = network->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        return attached ? *attached : sdk::Attached<sdk::Link>{};
    }
    void expect_refused(Code code, const std::string& words)
    {
        reopen();
        const auto attached = network->attach(new_spec(), call);
        ASSERT_FALSE(attached);
        EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(code)) << attached.error().message;
        EXPECT_THAT(attached.error().message, HasSubstr(words));
        EXPECT_FALSE(attached.error().hint.empty());
        EXPECT_TRUE(network->list()->empty());
    }
    // After one tap was taken.
    void wait_for_pool() const
    {
        const LinkChanges changes;
        const auto count = [&] {
            const auto links = said({"ip", "-o", "link"});
            std::size_t found = 0;
            for (auto at = links.find(tap_prefix()); at != std::string::npos; at = links.find(tap_prefix(), at + 1))
                ++found;
            return found;
        };
        while (count() < 1 + config.pool)
            ASSERT_TRUE(changes.wait()) << "there are " << count();
    }
    static std::unique_ptr<TableChanges> rule_changes(const sdk::Host& of)
    {
        auto changes = TableChanges::open("banger_" + of.instance());
        EXPECT_TRUE(changes) << changes.error().message;
        return changes ? std::make_unique<TableChanges>(std::move(*changes)) : nullptr;
    }
    // Line by line, whatever was made first.
    static std::multiset<std::string> rules()
    {
        std::multiset<std::string> rules;
        std::istringstream lines(said({"nft", "list", "ruleset"}));
        for (std::string line; std::getline(lines, line);)
            rules.insert(line);
        return rules;
    }
    static void wait_for(const std::multiset<std::string>& wanted, const std::vector<TableChanges*>& changes)
    {
        constexpr int patience_ms = 10000;
        std::vector<pollfd> changed;
        for (const auto* each : changes)
            changed.push_back({each->descriptor(), POLLIN, 0});
        for (auto now = rules(); now != wanted; now = rules()) {
            ASSERT_GT(::poll(changed.data(), changed.size(), patience_ms), 0) << ::testing::PrintToString(now);
            for (auto* each : changes)
                (void)each->read();
        }
    }
    static void expect_speaks_for_itself_alone(const Guest& guest, const sdk::Link& link, const std::string& another)
    {
        const FrameSocket bridge("br-banger");
        const auto sends = guest.frames();
        const Mac mac = mac_from(link.mac);
        const auto lie = arp_answer(mac, mac, another);
        const auto truth = arp_answer(mac, mac, address_in(link));
        sends->send(lie);
        sends->send(truth);
        for (const auto& came : bridge.until(truth))
            EXPECT_NE(came, lie);
    }
    [[nodiscard]] std::string tap_prefix() const { return "b" + host.instance() + "-"; }
    static std::string address_in(const sdk::Link& link) { return link.address.substr(0, link.address.find('/')); }

    HostOfAUser host;
    sdk::testing::FakeCall call;
    Config config;
    std::unique_ptr<sdk::Network> network;
    Namespace outside;
    os::UniqueFd service;
};

TEST_F(Tap, AGuestReachesTheOutsideAsItsPolicySays)
{
    make_outside();
    const auto on_this_host = Guest::listen_on("0.0.0.0");
    const auto internet = must_attach(new_spec()).value;
    const Guest guest(internet);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    for (const char* closed : {private_host, metadata, "198.51.100.1"})
        EXPECT_FALSE(guest.reaches(closed)) << closed;
    EXPECT_FALSE(guest.reaches(internet.gateway)) << "the host is no part of the internet";

    const auto all = must_attach(new_spec(Egress::all)).value;
    const Guest other(all);
    for (const char* open : {on_the_internet, private_host, metadata})
        EXPECT_TRUE(other.reaches(open)) << open;
    EXPECT_TRUE(other.reaches(all.gateway));

    // Seen from there, it was the host that came.
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    const os::UniqueFd accepted(::accept(service.get(), reinterpret_cast<sockaddr*>(&peer), &length));
    ASSERT_TRUE(accepted);
    EXPECT_EQ(ntohl(peer.sin_addr.s_addr), *address_from_string("198.51.100.1"));
}

TEST_F(Tap, TheHostsLoopbackIsNobodysWhateverRoutesSay)
{
    const auto service_of_the_host = Guest::listen_on("127.0.0.1");
    const auto link = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    allow_loopback_over("br-banger");
    guest.take_loopback_by(link.gateway);
    EXPECT_FALSE(guest.reaches("127.0.0.1"));
    // Who has the network's lock keeps the provider from putting it back.
    const auto lock = os::open_file(host.cache_directory() + "/network.lock", O_RDWR);
    ASSERT_TRUE(lock && ::flock(lock->get(), LOCK_EX) == 0);
    said({"nft", "flush chain inet banger_" + host.instance() + " input"});
    EXPECT_TRUE(guest.reaches("127.0.0.1")) << "it was a rule of ours that stood in the way";
}

TEST_F(Tap, WhereTheHostsResolverIsOnItsLoopbackGuestsAskTheGatewayAndThatIsSaid)
{
    take_mounts_of_its_own();
    const std::string ours = host.directory() + "/resolv.conf";
    const auto says = [&](const std::string& text) {
        auto file = os::open_file(ours, O_WRONLY | O_CREAT | O_TRUNC);
        ASSERT_TRUE(file && os::write_all(file->get(), text));
    };
    says("nameserver 127.0.0.1\nnameserver 2001:db8::1\n");
    for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
        if (os::exists(file)) {
            ASSERT_EQ(::mount(ours.c_str(), file, nullptr, MS_BIND, nullptr), 0) << file;
        }
    constexpr std::uint16_t dns = 53;
    const auto listens = Guest::listen_on("0.0.0.0", dns);
    const auto other_service = Guest::listen_on("0.0.0.0");
    const auto link = must_attach(new_spec()).value;
    EXPECT_THAT(link.dns, ::testing::ElementsAre(link.gateway));
    EXPECT_THAT(call.warnings(), ::testing::ElementsAre(HasSubstr("no IPv4 resolver")));
    EXPECT_THAT(network->probe(call)->reason, HasSubstr("no IPv4 resolver"));
    const Guest guest(link);
    EXPECT_TRUE(guest.reaches(link.gateway, dns));
    EXPECT_FALSE(guest.reaches(link.gateway));
    // With one that they can ask the gateway's is the host's own again.
    says("nameserver 192.0.2.53\n");
    EXPECT_THAT(must_attach(new_spec()).value.dns, ::testing::ElementsAre("192.0.2.53"));
    EXPECT_FALSE(guest.reaches(link.gateway, dns));
    EXPECT_EQ(call.warnings().size(), 1U);
}

TEST_F(Tap, GuestsReachOneAnotherOnlyWhereThatIsAskedFor)
{
    for (const bool allowed : {false, true}) {
        config.guests_reach_each_other = allowed;
        reopen();
        const auto one = must_attach(new_spec());
        const auto other = must_attach(new_spec());
        Guest server(other.value);
        server.serve();
        const Guest guest(one.value);
        EXPECT_EQ(guest.reaches(address_in(other.value)), allowed);
        // Nor by way of the host, which would know where to find it.
        guest.ip({"route", "add", address_in(other.value), "via", one.value.gateway});
        if (!allowed) {
            EXPECT_FALSE(guest.reaches(address_in(other.value)));
        }
        EXPECT_TRUE(network->release(one.handle));
        EXPECT_TRUE(network->release(other.handle));
    }
}

TEST_F(Tap, AGuestSpeaksForItselfAlone)
{
    make_outside();
    const auto link = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    ASSERT_TRUE(guest.reaches(on_the_internet));
    // Another address of the subnet, although it is nobody's.
    const Subnet subnet = *Subnet::parse("172.16.0.0/24");
    const Address free = *address_from_string(address_in(link)) == subnet.network + 200 ? subnet.network + 201
                                                                                         : subnet.network + 200;
    const auto become = [&](const std::string& address) {
        guest.ip({"address", "flush", "dev", "eth0"});
        guest.ip({"address", "add", address, "dev", "eth0"});
        guest.ip({"route", "replace", "default", "via", link.gateway});
    };
    become(to_string(free) + "/24");
    EXPECT_FALSE(guest.reaches(on_the_internet)) << "with an address that is not its own";
    become(link.address);
    ASSERT_TRUE(guest.reaches(on_the_internet));
    guest.ip({"link", "set", "eth0", "address", "52:54:00:00:00:01"});
    guest.ip({"route", "replace", "default", "via", link.gateway});
    EXPECT_FALSE(guest.reaches(on_the_internet)) << "with a hardware address that is not its own";
}

TEST_F(Tap, AGuestSaysInArpWhereItIsItselfAndNothingElse)
{
    const auto link = must_attach(new_spec(Egress::all)).value;
    const auto neighbour = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    const FrameSocket bridge("br-banger");
    const auto sends = guest.frames();
    const Mac mac = mac_from(link.mac);
    const auto truth = arp_answer(mac, mac, address_in(link));
    const std::vector<std::string> lies{arp_answer(mac, mac, link.gateway), arp_answer(mac, mac, address_in(neighbour)),
                                        arp_answer(mac, no_guest, address_in(link)), arp_answer(no_guest, no_guest, address_in(link))};
    for (const auto& lie : lies)
        sends->send(lie);
    sends->send(truth);
    for (const auto& came : bridge.until(truth))
        EXPECT_EQ(std::find(lies.begin(), lies.end(), came), lies.end());
}

TEST_F(Tap, WhatReachesAGuestIsForIt)
{
    const auto link = must_attach(new_spec(Egress::all)).value;
    const auto neighbour = must_attach(new_spec(Egress::all)).value;
    const Guest guest(link);
    const FrameSocket bridge("br-banger");
    const auto gets = guest.frames();
    const Mac mac = mac_from(link.mac);
    const auto theirs = packet(link.gateway, address_in(neighbour));
    const auto its_own = packet(link.gateway, address_in(link));
    const std::vector<std::string> others{
        frame(mac, no_guest, ip_type, theirs), frame(everybody, no_guest, ip_type, theirs),
        frame(mac_from("52:54:00:00:00:02"), no_guest, ip_type, its_own),
        frame(mac, no_guest, ipv6_type, std::string(40, '\x60'))};
    for (const auto& other : others)
        bridge.send(other);
    const auto last = frame(mac, no_guest, ip_type, its_own);
    bridge.send(last);
    for (const auto& came : gets->until(last))
        EXPECT_EQ(std::find(others.begin(), others.end(), came), others.end());
}

TEST_F(Tap, RulesThatSomebodyTookAwayAreBackForTheNextGuestAndForThoseThatRun)
{
    make_outside();
    const auto earlier = must_attach(new_spec()).value;
    const Guest runs(earlier);
    const std::string table = "inet banger_" + host.instance();
    for (const std::string& taken : {std::string("flush ruleset"), "delete table " + table, "flush chain " + table + " forward",
                                     "delete table netdev banger_" + host.instance(), std::string("add table inet somebody")}) {
        said({"nft", taken});
        const auto later = must_attach(new_spec()).value;
        const Guest guest(later);
        for (const Guest* each : {&guest, &runs}) {
            EXPECT_TRUE(each->reaches(on_the_internet)) << taken;
            EXPECT_FALSE(each->reaches(private_host)) << taken;
        }
        expect_speaks_for_itself_alone(runs, earlier, address_in(later));
    }
    EXPECT_THAT(said({"nft", "list", "tables"}), HasSubstr("inet somebody"));
}

TEST_F(Tap, RulesThatSomebodyTookAwayAreBackAlsoWhereNobodyStartsAGuest)
{
    make_outside();
    config.pool = 0;
    reopen();
    const auto internet = must_attach(new_spec()).value;
    const auto all = must_attach(new_spec(Egress::all)).value;
    const Guest guest(internet);
    const Guest other(all);
    const auto expect_policies = [&](const std::string& when) {
        EXPECT_TRUE(guest.reaches(on_the_internet)) << when;
        EXPECT_FALSE(guest.reaches(private_host)) << when;
        EXPECT_TRUE(other.reaches(private_host)) << when;
        expect_speaks_for_itself_alone(guest, internet, address_in(all));
    };
    for (const std::string& taken :
         {std::string("flush ruleset"), "flush chain netdev banger_" + host.instance() + " from_" + internet.attachment.fields.at("name"),
          "flush set inet banger_" + host.instance() + " to_internet"}) {
        const auto before = rules();
        const auto changes = rule_changes(host);
        said({"nft", taken});
        wait_for(before, {changes.get()});
        expect_policies(taken);
    }
    // While there was no provider, and so nobody who could have seen it.
    network.reset();
    const auto before = rules();
    said({"nft", "flush ruleset"});
    const auto changes = rule_changes(host);
    network = make_network(host, config);
    EXPECT_EQ(network->list()->size(), 2U);
    wait_for(before, {changes.get()});
    expect_policies("the provider came back");
}

TEST_F(Tap, TwoInstallationsPutTheirRulesBackAndThenRest)
{
    config.pool = 0;
    reopen();
    (void)must_attach(new_spec());
    sdk::testing::FakeHost second;
    const auto theirs = make_network(second, config);
    const auto attached = theirs->attach({second.new_owner(), Egress::internet, "link:tap"}, call);
    ASSERT_TRUE(attached) << attached.error().message;
    const auto before = rules();
    const auto ours = rule_changes(host);
    const auto others = rule_changes(second);
    said({"nft", "flush ruleset"});
    wait_for(before, {ours.get(), others.get()});
    // What one of them does is no reason for the other.
    constexpr int quiet_ms = 500;
    std::array<pollfd, 2> changed{pollfd{ours->descriptor(), POLLIN, 0}, {others->descriptor(), POLLIN, 0}};
    for (unsigned times = 0; ::poll(changed.data(), changed.size(), quiet_ms) > 0; times += ours->read().of_table + others->read().of_table)
        ASSERT_LT(times, 10U);
    EXPECT_EQ(rules(), before);
    EXPECT_TRUE(theirs->release(attached->handle));
}

TEST_F(Tap, ForwardingThatSomebodySwitchedOffIsBackForTheNextGuest)
{
    make_outside();
    (void)must_attach(new_spec());
    said({"sysctl", "-q", "-w", "net.ipv4.ip_forward=0"});
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
}

TEST_F(Tap, AReleasedGuestIsClosedOffAndLeavesNoRule)
{
    make_outside();
    const auto attached = must_attach(new_spec());
    const auto neighbour = must_attach(new_spec());
    const auto address = address_in(attached.value);
    EXPECT_THAT(said({"nft", "list", "ruleset"}), HasSubstr(address));
    ASSERT_TRUE(network->release(attached.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(address)));
    const auto tap = attached.value.attachment.fields.at("name");
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(tap))) << "the taps that wait have other names";
    EXPECT_TRUE(Guest(neighbour.value).reaches(on_the_internet)) << "a neighbour is not touched";
}

TEST_F(Tap, WhatIsLeftOfAnEarlierGuestAdmitsNobody)
{
    make_outside();
    config.pool = 0;
    reopen();
    const auto earlier = must_attach(new_spec());
    const auto tap = earlier.value.attachment.fields.at("name");
    const auto address = address_in(earlier.value);
    // Somebody removes its tap, and what admitted it stays.
    said({"ip", "link", "delete", tap});
    ASSERT_TRUE(network->release(earlier.handle));
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(HasSubstr(address)));
    const auto later = must_attach(new_spec());
    ASSERT_EQ(later.value.attachment.fields.at("name"), tap);
    ASSERT_NE(address_in(later.value), address);
    const Guest guest(later.value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    guest.ip({"address", "flush", "dev", "eth0"});
    guest.ip({"address", "add", address + "/24", "dev", "eth0"});
    guest.ip({"route", "replace", "default", "via", later.value.gateway});
    EXPECT_FALSE(guest.reaches(on_the_internet));
}

TEST_F(Tap, WhereTheListOfAddressesIsLostThatOfAGuestWithoutATapIsClosedAllTheSame)
{
    make_outside();
    const auto lost = must_attach(new_spec());
    const auto neighbour = must_attach(new_spec()).value;
    said({"ip", "link", "delete", lost.value.attachment.fields.at("name")});
    ASSERT_EQ(::unlink((host.cache_directory() + "/addresses").c_str()), 0);
    ASSERT_TRUE(network->release(lost.handle));
    EXPECT_THAT(said({"nft", "list", "table", "inet", "banger_" + host.instance()}), Not(HasSubstr(address_in(lost.value))));
    EXPECT_TRUE(Guest(neighbour).reaches(on_the_internet));
}

TEST_F(Tap, AGuestOfAnEarlierBangerIsForgottenToo)
{
    const auto attached = must_attach(new_spec());
    network.reset();
    const std::string table = "netdev banger_" + host.instance() + " ";
    const auto tap = attached.value.attachment.fields.at("name");
    for (const char* way : {"from_", "to_"}) {
        said({"nft", "flush chain " + table + way + tap});
        said({"nft", "add rule " + table + way + tap + " ether type ip ip saddr " + address_in(attached.value) + " accept"});
    }
    for (const char* set : {"macs_", "addresses_"})
        said({"nft", "delete set " + table + set + tap});
    reopen();
    ASSERT_TRUE(network->release(attached.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(tap)));
}

TEST_F(Tap, AddressesSurviveRestarts)
{
    const auto spec = new_spec();
    const auto first = must_attach(spec);
    const auto other = must_attach(new_spec());
    EXPECT_NE(first.value.address, other.value.address);
    ASSERT_TRUE(network->release(first.handle));
    ASSERT_TRUE(network->release(other.handle));
    reopen();
    (void)must_attach(new_spec());
    EXPECT_EQ(must_attach(spec).value.address, first.value.address);
}

TEST_F(Tap, AnAddressInUseIsNobodyElsesAlsoWhereTheListOfThemIsLost)
{
    config.subnet = *Subnet::parse("172.16.9.0/30");
    reopen();
    const auto only = must_attach(new_spec());
    ASSERT_EQ(::unlink((host.cache_directory() + "/addresses").c_str()), 0);
    const auto refused = network->attach(new_spec(), call);
    ASSERT_FALSE(refused) << refused->value.address;
    EXPECT_EQ(sdk::to_string(refused.error().code), sdk::to_string(Code::busy)) << refused.error().message;
    EXPECT_EQ(network->inspect(only.handle)->facts.at("address"), address_in(only.value));
    ASSERT_TRUE(network->release(only.handle));
    EXPECT_THAT(said({"nft", "list", "ruleset"}), Not(HasSubstr(address_in(only.value))));
}

TEST_F(Tap, OtherSettingsAreTakenOnceNobodyIsOnTheOldBridgeAndRefusedBefore)
{
    const auto old = must_attach(new_spec());
    const auto set_otherwise = [&](Config& other, const std::string& words) {
        auto changed = make_network(host, other);
        const auto probe = changed->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_THAT(probe->reason, HasSubstr(words));
        const auto refused = changed->attach(new_spec(), call);
        ASSERT_FALSE(refused);
        EXPECT_EQ(sdk::to_string(refused.error().code), sdk::to_string(Code::precondition)) << refused.error().message;
        EXPECT_THAT(refused.error().hint, HasSubstr("stop the machines"));
    };
    Config other_subnet = config;
    other_subnet.subnet = *Subnet::parse("172.16.77.0/24");
    set_otherwise(other_subnet, "172.16.77.0/24 is set");
    Config other_bridge = config;
    other_bridge.bridge = "br-other";
    set_otherwise(other_bridge, "bridge br-other is set");

    ASSERT_TRUE(network->release(old.handle));
    ASSERT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-banger"));
    other_bridge.subnet = other_subnet.subnet;
    const auto changed = make_network(host, other_bridge);
    EXPECT_TRUE(changed->probe(call)->usable);
    const auto attached = changed->attach(new_spec(), call);
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->value.gateway, "172.16.77.1");
    EXPECT_THAT(said({"ip", "-br", "link"}), ::testing::AllOf(HasSubstr("br-other"), Not(HasSubstr("br-banger"))));
    EXPECT_TRUE(changed->release(attached->handle));
}

TEST_F(Tap, TheNextTapIsReadyBeforeItIsAskedFor)
{
    (void)must_attach(new_spec());
    wait_for_pool();
    const std::string ours = tap_prefix();
    EXPECT_THAT(said({"ip", "-d", "link", "show", ours + "1"}), HasSubstr("isolated on"));
    EXPECT_THAT(said({"ip", "-br", "link", "show", ours + "1"}), HasSubstr("DOWN"));
    const auto next = must_attach(new_spec());
    EXPECT_EQ(next.value.attachment.fields.at("name"), ours + "1") << "it is the one that was ready";
    EXPECT_THAT(said({"ip", "link", "show", ours + "1"}), HasSubstr("alias banger " + host.instance() + " "));
}

TEST_F(Tap, ATapIsItsUsersOnceAMachineHasIt)
{
    host.served = nobody;
    reopen();
    const auto used = must_attach(new_spec()).value.attachment.fields.at("name");
    wait_for_pool();
    const auto waits = tap_prefix() + "1";
    const std::array<os::UniqueFd, 2> tun{open_tun(), open_tun()};
    run_as_nobody([&] {
        EXPECT_EQ(take_tap(tun[0], waits), EPERM) << "the next machine's";
        EXPECT_EQ(take_tap(tun[0], used), 0);
        EXPECT_EQ(take_tap(tun[1], used), EBUSY);
    });
}

TEST_F(Tap, ATapOfRootsIsNobodyElsesWhetherItWaitsOrIsInUse)
{
    const auto used = must_attach(new_spec()).value.attachment.fields.at("name");
    wait_for_pool();
    const auto waits = tap_prefix() + "1";
    ASSERT_NE(used, waits);
    const auto tun = open_tun();  // which most hosts let everybody open
    run_as_nobody([&] {
        EXPECT_EQ(take_tap(tun, used), EPERM);
        EXPECT_EQ(take_tap(tun, waits), EPERM);
    });
    (void)open_tap(used);
}

TEST_F(Tap, WhereThePoolIsEmptyATapIsMadeOnTheSpot)
{
    config.pool = 0;
    reopen();
    const auto first = must_attach(new_spec()).value;
    const auto second = must_attach(new_spec()).value;
    EXPECT_NE(first.attachment.fields.at("name"), second.attachment.fields.at("name"));
    EXPECT_EQ(network->list()->size(), 2U);
}

TEST_F(Tap, WhatSomebodyElseHasIsSaidAndLeftAlone)
{
    said({"ip", "link", "add", "br-theirs", "type", "bridge"});
    config.bridge = "br-theirs";
    expect_refused(Code::exists, "not this banger's");
    EXPECT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-theirs"));
    config.bridge.clear();
    said({"ip", "address", "add", "172.20.1.1/16", "dev", "br-theirs"});
    config.subnet = *Subnet::parse("172.20.5.0/24");
    expect_refused(Code::precondition, "172.20.");
    // Left to itself it takes another name and another subnet.
    said({"ip", "link", "add", "br-banger", "type", "bridge"});
    said({"ip", "address", "add", "172.16.0.9/24", "dev", "br-theirs"});
    config.subnet.reset();
    reopen();
    const auto link = must_attach(new_spec()).value;
    EXPECT_EQ(link.gateway, "172.16.1.1");
    EXPECT_THAT(said({"ip", "-br", "link"}), HasSubstr("br-" + host.instance()));
}

TEST_F(Tap, AHostThatDropsWhatItForwardsIsNoPlaceForThisProviderUnlessItWasToldToLetGuestsThrough)
{
    said({"nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }"});
    const auto refused = network->probe(call);
    ASSERT_TRUE(refused);
    EXPECT_FALSE(refused->usable);
    EXPECT_THAT(refused->reason, HasSubstr("ip filter FORWARD"));
    EXPECT_THAT(refused->hint, HasSubstr("firewall_lets_guests_through"));
    config.firewall_lets_guests_through = true;
    reopen();
    EXPECT_TRUE(network->probe(call)->usable);
}

TEST_F(Tap, AFirewallThatCameUpSinceTheProbeIsWarnedOfWithEachStart)
{
    make_outside();
    (void)must_attach(new_spec());
    const auto of_firewall = [&] {
        std::vector<std::string> found;
        for (const auto& warning : call.warnings())
            if (warning.find("firewall") != std::string::npos)
                found.push_back(warning);
        return found;
    };
    EXPECT_TRUE(of_firewall().empty());
    said({"nft", "add table inet theirs; add chain inet theirs forward { type filter hook forward priority 10; }; "
                 "add rule inet theirs forward ct state established accept; add rule inet theirs forward reject with icmpx type admin-prohibited"});
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_FALSE(guest.reaches(on_the_internet));
    ASSERT_EQ(of_firewall().size(), 1U);
    EXPECT_THAT(of_firewall().front(), HasSubstr("inet theirs forward"));
    EXPECT_FALSE(network->probe(call)->usable);
    said({"nft", "delete table inet theirs"});
    (void)must_attach(new_spec());
    EXPECT_EQ(of_firewall().size(), 1U);
}

TEST_F(Tap, ASubnetThatIsFullSaysSo)
{
    config.subnet = *Subnet::parse("172.16.9.0/30");
    reopen();
    (void)must_attach(new_spec());
    const auto attached = network->attach(new_spec(), call);
    ASSERT_FALSE(attached);
    EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(Code::busy)) << attached.error().message;
    EXPECT_THAT(attached.error().message, HasSubstr("every address of 172.16.9.0/30"));
    EXPECT_FALSE(attached.error().hint.empty());
    EXPECT_EQ(network->list()->size(), 1U);
}

TEST_F(Tap, ASubnetThatTheHostRoutesToIsNotTheGuests)
{
    make_outside();
    said({"ip", "route", "add", "172.21.0.0/16", "via", "198.51.100.2"});
    config.subnet = *Subnet::parse("172.21.7.0/24");
    expect_refused(Code::precondition, "this host has 172.21.0.0/16 already");
    EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr("br-banger")));
}

TEST_F(Tap, RoutesThatSplitTheDefaultOneOrLeadNowhereAreNobodysSubnets)
{
    make_outside();
    for (const char* half : {"0.0.0.0/1", "128.0.0.0/1"})
        said({"ip", "route", "add", half, "via", "198.51.100.2"});
    said({"ip", "route", "add", "blackhole", "172.16.0.0/12"});
    EXPECT_TRUE(network->probe(call)->usable);
    const Guest guest(must_attach(new_spec()).value);
    EXPECT_TRUE(guest.reaches(on_the_internet));
    // One that leads somewhere is another thing.
    said({"ip", "route", "replace", "172.22.0.0/16", "via", "198.51.100.2"});
    config.subnet = *Subnet::parse("172.22.7.0/24");
    EXPECT_FALSE(make_network(host, config)->probe(call)->usable);
}

TEST_F(Tap, WhereAWholePrivateRangeIsRoutedGuestsHaveASubnetOfAnother)
{
    make_outside();
    said({"ip", "route", "add", "172.16.0.0/12", "via", "198.51.100.2"});
    EXPECT_EQ(must_attach(new_spec()).value.gateway, "192.168.0.1");
}

TEST_F(Tap, TheGuestsGatewayKeepsItsHardwareAddressWhoeverComesAndGoes)
{
    const auto gateway = [] {
        std::istringstream words(said({"ip", "-br", "link", "show", "br-banger"}));
        std::string name, state, mac;
        words >> name >> state >> mac;
        return mac;
    };
    (void)must_attach(new_spec());
    const auto at_first = gateway();
    ASSERT_EQ(at_first.size(), std::string("52:54:00:00:00:00").size());
    // Taps have what the kernel gives them by chance; this one has the lowest that there is.
    const auto lowest = must_attach(new_spec());
    said({"ip", "link", "set", lowest.value.attachment.fields.at("name"), "address", "02:00:00:00:00:00"});
    EXPECT_EQ(gateway(), at_first);
    EXPECT_TRUE(network->release(lowest.handle));
    EXPECT_EQ(gateway(), at_first);
}

TEST_F(Tap, ATapsNameThatSomebodyElseHasIsTheirs)
{
    said({"ip", "link", "add", tap_prefix() + "0", "type", "bridge"});
    const auto link = must_attach(new_spec()).value;
    EXPECT_EQ(link.attachment.fields.at("name"), tap_prefix() + "1");
    EXPECT_THAT(said({"ip", "-d", "link", "show", tap_prefix() + "0"}), HasSubstr("bridge forward_delay"));
    said({"ip", "link", "delete", tap_prefix() + "0"});
}

TEST_F(Tap, AHostWithoutTapsOrTheRightToThemIsNoPlaceForThisProvider)
{
    const auto refuses = [&](Code code, const std::string& words) {
        expect_refused(code, words);
        const auto probe = network->probe(call);
        ASSERT_TRUE(probe);
        EXPECT_FALSE(probe->usable);
        EXPECT_FALSE(probe->hint.empty()) << probe->reason;
        EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr(tap_prefix())));
    };
    take_mounts_of_its_own();
    ASSERT_EQ(::mount("tmpfs", "/dev/net", "tmpfs", 0, nullptr), 0);
    refuses(Code::unsupported, "/dev/net/tun");
    // A node without a driver behind it, as where the module is not there.
    constexpr unsigned misc_major = 10, nobodys_minor = 2;
    ASSERT_EQ(::mknod("/dev/net/tun", S_IFCHR | 0600, makedev(misc_major, nobodys_minor)), 0);
    refuses(Code::unsupported, "/dev/net/tun");
    ASSERT_EQ(::umount2("/dev/net", MNT_DETACH), 0);
    network.reset();
    EXPECT_THAT(said({"ip", "-br", "link"}), Not(HasSubstr("br-banger")));

    // Whoever is not root.
    const auto spec = new_spec();
    said({"chown", "-R", std::to_string(nobody), host.directory()});
    run_as_nobody([&] {
        const auto nobodys = make_network(host, config);
        const auto probe = nobodys->probe(call);
        EXPECT_TRUE(probe && !probe->usable && !probe->hint.empty());
        const auto attached = nobodys->attach(spec, call);
        EXPECT_FALSE(attached);
        if (!attached) {
            EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(Code::permission)) << attached.error().message;
            EXPECT_FALSE(attached.error().hint.empty()) << attached.error().message;
        }
    });
}

/// A provider whose process is killed before each of its steps (KillWalk): what there is then is found and goes, and a
/// neighbour is not touched.
class KilledTap : public Tap {
protected:
    using Verb = std::function<void(sdk::Network&)>;

    /// For every step of the verb: the host as `before` leaves it, the verb, and what a new provider finds.
    void walk(const sdk::LinkSpec& spec, const std::function<void()>& before, const Verb& verb)
    {
        for (unsigned step = 1; !HasFailure(); ++step) {
            SCOPED_TRACE("killed before step " + std::to_string(step));
            network.reset();
            const auto there = interfaces();
            reopen();
            before();
            network.reset();  // its thread would not be in the child
            const auto walked = sdk::testing::KillWalk::before_step(step, [&] { verb(*make_network(host, config)); });
            if (!walked && walked.error().code == Code::unsupported)
                GTEST_SKIP() << walked.error().message;
            ASSERT_TRUE(walked) << walked.error().message;
            reopen();
            // By its key alone, as the journal has it.
            EXPECT_TRUE(network->release({"network/0", "tap", "link", spec.owner, {}}));
            const auto found = network->inspect({"network/0", "tap", "link", spec.owner, {}});
            EXPECT_TRUE(found && !found->present);
            const auto attached = must_attach(spec);
            EXPECT_TRUE(network->release(attached.handle));
            network.reset();
            EXPECT_EQ(interfaces(), there);
            EXPECT_EQ(said({"nft", "list", "tables"}).empty(), there.size() == 1) << "but for lo";
            reopen();
            if (*walked == sdk::testing::Walked::finished) {
                EXPECT_GT(step, 1U) << "it took no step at all";
                return;
            }
        }
    }
    template <typename T>
    static void succeed_or_exit(const sdk::Result<T>& done)
    {
        if (!done)
            ::_exit(1);
    }
    static std::vector<std::string> interfaces()
    {
        std::vector<std::string> names;
        std::istringstream lines(said({"ip", "-br", "link"}));
        for (std::string line; std::getline(lines, line);)
            names.push_back(line.substr(0, line.find(' ')));
        return names;
    }
};

TEST_F(KilledTap, WhereThereWasNothingNothingIsLeft)
{
    config.pool = 0;
    const auto spec = new_spec();
    walk(spec, [] {}, [&](sdk::Network& killed) { succeed_or_exit(killed.attach(spec, call)); });
}

TEST_F(KilledTap, BesideANeighbourNothingIsLeftWhicheverVerbItWas)
{
    config.pool = 0;
    reopen();
    const auto neighbour = must_attach(new_spec());
    const auto spec = new_spec();
    walk(spec, [] {}, [&](sdk::Network& killed) { succeed_or_exit(killed.attach(spec, call)); });
    walk(spec, [&] { (void)must_attach(spec); },
         [&](sdk::Network& killed) { succeed_or_exit(killed.release({"network/0", "tap", "link", spec.owner, {}})); });
    EXPECT_TRUE(network->inspect(neighbour.handle)->present);
}

}  // namespace
}  // namespace banger::tap
