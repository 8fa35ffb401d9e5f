// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Names and ports of real machines, asked with dig and curl as a person's programs would: one machine for most of it.
#include <gmock/gmock.h>

#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/e2e/openssh.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;

// A second is what is promised; a guest whose system still comes up, on a machine that runs other tests, gets some more.
constexpr std::chrono::seconds soon{5};
constexpr std::chrono::seconds patience{60};
constexpr const char* cannot_connect = "7";  // curl(1), EXIT CODES

// A server that needs nothing of an image but perl-base, and gives each caller one page. It goes on in the background once it
// listens, and says its pid.
constexpr const char* page_server = R"(
use Socket qw(:DEFAULT getaddrinfo AI_NUMERICHOST);
my ($bad, $at) = getaddrinfo($ARGV[1], $ARGV[0], {flags => AI_NUMERICHOST, socktype => SOCK_STREAM}); die $bad if $bad;
socket(my $s, $at->{family}, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, $at->{addr}) or die "bind: $!"; listen($s, 64);
if (my $pid = fork()) { print $pid; exit }
open(STDIN, "</dev/null"); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null");
while (accept(my $c, $s)) { sysread($c, my $q, 4096); print $c "HTTP/1.0 200 OK\r\n\r\npage of port $ARGV[0]\n"; close($c); }
)";

// A small database (Berkeley DB, as perl has it) that keeps what is PUT and gives it back to GET, by path.
constexpr const char* database_server = R"(
use Socket; use DB_File;
tie(my %kept, "DB_File", "/root/kept.db") or die "tie: $!";
socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die "bind: $!"; listen($s, 64);
if (my $pid = fork()) { print $pid; exit }
open(STDIN, "</dev/null"); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null");
while (accept(my $c, $s)) {
    my $q = ""; sysread($c, $q, 4096, length $q) or last until $q =~ /\r\n\r\n/;
    my ($verb, $key) = $q =~ m{^(\w+) (\S+)}; my ($size) = $q =~ /Content-Length: (\d+)/i;
    my ($value) = $q =~ /\r\n\r\n(.*)/s;
    sysread($c, $value, 4096, length $value) or last while defined $size && length $value < $size;
    if ($verb eq "PUT") { $kept{$key} = $value; (tied %kept)->sync; }
    print $c "HTTP/1.0 200 OK\r\n\r\n", $kept{$key}; close($c);
}
)";

class Reach : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        host = new Installation;
        const auto created = host->banger({"vm", "create", "--name", "web", "--ready", "agent"});
        ASSERT_EQ(created.status, 0) << created.err;
    }
    static void TearDownTestSuite()
    {
        delete host;
        host = nullptr;
    }

    static std::string run(std::vector<std::string> words)
    {
        sdk::os::Command command;
        command.argv = std::move(words);
        const auto output = sdk::os::run(command);
        return output ? output->out : output.error().message;
    }
    static std::string dig(std::vector<std::string> words)
    {
        const auto status = host->json({"dns", "status"});
        std::vector<std::string> command{"dig", "@" + json::string_or(status, "address"), "-p",
                                         json::string_or(status, "port"), "+tries=1", "+time=5"};
        command.insert(command.end(), words.begin(), words.end());
        return run(command);
    }
    static std::string address()
    {
        std::string text = dig({"+short", "web.vm"});
        return text.substr(0, text.find('\n'));
    }
    /// As curl does it once this host's resolver asks banger.
    static std::string curl(int port, const std::string& path = "/", const std::vector<std::string>& more = {})
    {
        const std::string number = std::to_string(port);
        std::vector<std::string> command{"curl", "-sS", "--max-time", "10", "--resolve",
                                         "web.vm:" + number + ":" + address(), "http://web.vm:" + number + path};
        command.insert(command.end(), more.begin(), more.end());
        return run(command);
    }
    /// The pid that a program in the guest says.
    static std::string start(const std::string& vm, std::vector<std::string> words)
    {
        words.insert(words.begin(), {"vm", "exec", vm, "--"});
        const auto started = host->banger(words);
        EXPECT_EQ(started.status, 0) << started.err;
        return started.out;
    }
    /// The server's pid in the guest.
    static std::string serve(int port, const std::string& guest_address, const std::string& vm = "web")
    {
        return start(vm, {"perl", "-e", page_server, std::to_string(port), guest_address});
    }
    template <typename Holds>
    static bool wait_until(Holds holds)
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        bool held = holds();
        while (!held && std::chrono::steady_clock::now() < deadline)
            held = holds();
        return held;
    }

    /// `vm forward` while this lives.
    class Forward {
    public:
        explicit Forward(std::vector<std::string> forwards)
        {
            forwards.insert(forwards.begin(), {"vm", "forward", "web"});
            auto command = host->command(forwards);
            const auto out = sdk::os::open_file(said_, O_WRONLY | O_CREAT | O_TRUNC);
            command.out = out->get();
            command.err = out->get();
            command.die_with_parent = true;
            auto started = sdk::os::spawn(command);
            EXPECT_TRUE(started) << started.error().message;
            program_.emplace(std::move(*started));
            EXPECT_TRUE(wait_for(" -> ")) << said();
        }
        ~Forward() { stop(); }
        Forward(const Forward&) = delete;
        Forward& operator=(const Forward&) = delete;

        void stop()
        {
            if (!program_)
                return;
            program_->kill_group(SIGINT);
            EXPECT_EQ(program_->wait().value_or(-1), 128 + SIGINT) << said();
            program_.reset();
        }
        [[nodiscard]] bool wait_for(const std::string& text) const { return wait_for_text(said_, text, patience); }
        [[nodiscard]] std::string said() const { return sdk::os::read_file(said_).value_or({}); }
        /// The first port that it listens on here.
        [[nodiscard]] std::string port() const
        {
            const std::string before = "127.0.0.1:";
            const std::string text = said();
            const auto at = text.find(before) + before.size();
            return text.substr(at, text.find(' ', at) - at);
        }
        [[nodiscard]] std::string page() const
        {
            return run({"curl", "-sS", "--max-time", "20", "http://127.0.0.1:" + port() + "/"});
        }

    private:
        const std::string said_ = host->home() + "/forward-" + std::to_string(++count_);
        std::optional<sdk::os::Child> program_;
        static inline int count_ = 0;
    };
    static bool wait_for_page(int port, std::chrono::milliseconds time)
    {
        const auto deadline = std::chrono::steady_clock::now() + time;
        const std::string where = address();
        do {
            const std::string number = std::to_string(port);
            const auto page = run({"curl", "-s", "--max-time", "5", "http://" + where + ":" + number + "/"});
            if (page == "page of port " + number + "\n")
                return true;
        } while (std::chrono::steady_clock::now() < deadline);
        return false;
    }
    /// A file with what `dns route` prints for it.
    static std::string recipe_for(const std::string& resolver)
    {
        const std::string file = host->home() + "/" + resolver + ".recipe";
        EXPECT_TRUE(sdk::os::write_file_atomic(file, host->banger({"dns", "route", "--print", resolver}).out));
        return file;
    }
    static sdk::os::Child start_resolver(std::vector<std::string> words)
    {
        sdk::os::Command command;
        command.argv = std::move(words);
        command.die_with_parent = true;
        auto started = sdk::os::spawn(command);
        EXPECT_TRUE(started) << started.error().message;
        return std::move(*started);
    }
    /// Whether a resolver has the machine's address, once it is up.
    static bool finds_it(const std::string& at, const std::string& port)
    {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        std::string answer;
        do
            answer = run({"dig", "@" + at, "-p", port, "+short", "+tries=1", "+time=1", "web.vm"});
        while (!answer.starts_with("127.86.") && std::chrono::steady_clock::now() < deadline);
        return answer == address() + "\n";
    }
    /// What runs a command in a world whose resolver is asked there.
    static std::vector<std::string> asking(const std::string& nameserver)
    {
        const std::string file = host->home() + "/resolv.conf";
        EXPECT_TRUE(sdk::os::write_file_atomic(file, "nameserver " + nameserver + "\n", 0644));
        return {"unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"", file};
    }
    /// Of OpenSSH, for who comes by address and port, or by a name in DNS.
    static std::vector<std::string> ssh_options()
    {
        const std::string id = shown(*host, "web", "id");
        const std::string banger = std::getenv("BANGER_TEST_BIN") + std::string("/banger");
        return {"-F", "none", "-i", host->home() + "/ssh/id_ed25519", "-o", "HostKeyAlias=banger-" + id, "-o",
                "UserKnownHostsFile=" + host->vms() + "/" + id + "/known_hosts", "-o", "StrictHostKeyChecking=yes", "-o",
                "ProxyCommand=" + banger + " vm proxy web 22"};
    }
    static void expect_programs_to_find_it(const std::vector<std::string>& prefix)
    {
        static int next_port = 3100;  // each resolver's test has a server of its own
        const std::string port_here = std::to_string(next_port);
        serve(next_port, "127.0.0.1");
        ASSERT_TRUE(wait_for_page(next_port++, patience));
        auto curl = prefix;
        curl.insert(curl.end(), {"curl", "-sS", "--max-time", "10", "http://web.vm:" + port_here + "/"});
        EXPECT_EQ(run(curl), "page of port " + port_here + "\n");
        std::uint64_t ssh_port = 0;
        const auto facts = port_facts();
        for (const auto& port : json::find(facts, "ports")->GetArray())
            if (json::uint_or(port, "port") == 22)
                ssh_port = json::uint_or(port, "host_port");
        ASSERT_NE(ssh_port, 0U) << json::to_pretty(facts);
        auto options = ssh_options();
        options.resize(options.size() - 2);  // not through the agent
        options.insert(options.end(), {"-o", "User=root", "-o", "Port=" + std::to_string(ssh_port)});
        const Openssh openssh(*host, "web", {"web.vm", options, prefix});
        ASSERT_TRUE(openssh.wait());
        openssh.expect_all_to_work();
    }
    static json::Document port_facts() { return host->json({"vm", "ports", "web"}); }

    static Installation* host;
};

Installation* Reach::host = nullptr;

TEST_F(Reach, TheNameResolvesAndGoesWithTheMachine)
{
    const auto where = address();
    EXPECT_THAT(where, ::testing::StartsWith("127.86."));
    EXPECT_EQ(dig({"+short", "any.web.vm"}), where + "\n");
    EXPECT_EQ(dig({"+short", "-x", where}), "web.vm.\n");
    ASSERT_EQ(host->banger({"vm", "create", "--name", "brief", "--ready", "agent", "--network", "user"}).status, 0);
    EXPECT_THAT(dig({"+short", "brief.vm"}), ::testing::StartsWith("127.86."));
    ASSERT_EQ(host->banger({"vm", "kill", "brief"}).status, 0);
    EXPECT_THAT(dig({"brief.vm"}), HasSubstr("status: NXDOMAIN"));
    ASSERT_EQ(host->banger({"vm", "start", "brief"}).status, 0);
    serve(3010, "127.0.0.1", "brief");
    const auto there = dig({"+short", "brief.vm"});
    const std::vector<std::string> ask{"curl", "-s", "-o", "/dev/null", "-w", "%{exitcode}", "--max-time", "5",
                                       "http://" + there.substr(0, there.find('\n')) + ":3010/"};
    EXPECT_TRUE(wait_until([&] { return run(ask) == "0"; }));
    // Nobody asked for that one.
    ASSERT_EQ(::kill(static_cast<pid_t>(pid_of(*host, "brief")), SIGKILL), 0);
    const auto deadline = std::chrono::steady_clock::now() + soon;
    std::string answer;
    do
        answer = dig({"brief.vm"});
    while (answer.find("status: NXDOMAIN") == std::string::npos && std::chrono::steady_clock::now() < deadline);
    EXPECT_THAT(answer, HasSubstr("status: NXDOMAIN"));
    EXPECT_EQ(run(ask), cannot_connect);
    ASSERT_EQ(host->banger({"vm", "delete", "brief"}).status, 0);
}

TEST_F(Reach, APortOfTheGuestIsReachedByName)
{
    serve(3000, "127.0.0.1");
    ASSERT_TRUE(wait_for_page(3000, patience));
    EXPECT_EQ(curl(3000), "page of port 3000\n");
    const auto facts = port_facts();
    bool listed = false;
    for (const auto& port : json::find(facts, "ports")->GetArray())
        if (json::uint_or(port, "port") == 3000) {
            listed = true;
            EXPECT_EQ(json::string_or(port, "process"), "perl");
            EXPECT_EQ(json::uint_or(port, "host_port"), 3000U);
            EXPECT_EQ(json::string_or(port, "url"), "http://web.vm:3000/");
        }
    EXPECT_TRUE(listed) << json::to_pretty(facts);
}

TEST_F(Reach, APortAppearsAndGoesSoon)
{
    const auto server = serve(3001, "0.0.0.0");
    EXPECT_TRUE(wait_for_page(3001, soon));
    ASSERT_EQ(host->banger({"vm", "exec", "web", "--", "sh", "-c", "kill " + server}).status, 0);
    const auto deadline = std::chrono::steady_clock::now() + soon;
    std::string ended;
    do
        ended = run({"curl", "-s", "-o", "/dev/null", "-w", "%{exitcode}", "http://" + address() + ":3001/"});
    while (ended != cannot_connect && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(ended, cannot_connect);
}

TEST_F(Reach, ALowPortIsThereOrTenThousandAbove)
{
    serve(81, "0.0.0.0");
    const bool may_have_it = ::geteuid() == 0;
    const int number = may_have_it ? 81 : 10081;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::string page;
    do
        page = curl(number);
    while (page != "page of port 81\n" && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(page, "page of port 81\n");
}

TEST_F(Reach, AllIsThereAgainAfterTheDaemonWasKilled)
{
    serve(3002, "127.0.0.1");
    start("web", {"perl", "-e", database_server, "5432"});
    ASSERT_TRUE(wait_for_page(3002, patience));
    const std::vector<std::string> put{"-X", "PUT", "-d", "lovelace"};
    ASSERT_TRUE(wait_until([&] { return curl(5432, "/ada", put) == "lovelace"; }));
    const Forward forward({"0:3002"});
    EXPECT_EQ(forward.page(), "page of port 3002\n");
    const auto before = address();
    host->kill_daemon();
    ASSERT_EQ(host->banger({"vm", "list"}).status, 0);
    EXPECT_EQ(address(), before);
    EXPECT_TRUE(wait_for_page(3002, patience));
    EXPECT_TRUE(wait_until([] { return curl(5432, "/ada") == "lovelace"; })) << curl(5432, "/ada");
    EXPECT_TRUE(forward.wait_for("connected again"));
    EXPECT_EQ(forward.page(), "page of port 3002\n");
}

TEST_F(Reach, ForwardsGoBothWaysAndSocketsTakeTheirFilesAway)
{
    serve(3004, "127.0.0.1");
    const std::string here = host->home() + "/here.sock";
    // Into the guest, out of it again to this host, and so to the first one: a page comes by all of them.
    Forward in({"0:3004", here + ":3004"});
    EXPECT_EQ(in.page(), "page of port 3004\n");
    EXPECT_EQ(run({"curl", "-sS", "--unix-socket", here, "http://web/"}), "page of port 3004\n");
    Forward out({"-R", "3005:" + in.port(), "-R", "/root/there.sock:" + here});
    constexpr const char* ask = R"(
use Socket; my $place = $ARGV[0] =~ m{/} ? sockaddr_un($ARGV[0]) : sockaddr_in($ARGV[0], INADDR_LOOPBACK);
socket(my $s, sockaddr_family($place), SOCK_STREAM, 0); connect($s, $place) or die "connect: $!";
syswrite($s, "GET / HTTP/1.0\r\n\r\n"); shutdown($s, 1); print <$s>;
)";
    for (const char* place : {"3005", "/root/there.sock"}) {
        const auto page = host->banger({"vm", "exec", "web", "--", "perl", "-e", ask, place});
        EXPECT_THAT(page.out, HasSubstr("page of port 3004")) << place << ": " << page.err;
    }
    out.stop();
    EXPECT_TRUE(wait_until([] {
        return host->banger({"vm", "exec", "web", "--", "test", "-e", "/root/there.sock"}).status == 1;
    }));
    in.stop();
    EXPECT_FALSE(sdk::os::exists(here));
    const auto gone = host->banger({"vm", "forward", "nobody", "0:80"});
    EXPECT_EQ(gone.status, 1);
    EXPECT_THAT(gone.err, HasSubstr("'nobody'"));
}

TEST_F(Reach, APortIsThereOnWhicheverOfItsAddressesTheGuestListens)
{
    // Its IPv4 address to the outside, and that of its link.
    constexpr const char* own_addresses = R"(
use Socket;
socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, sockaddr_in(9, inet_aton("192.0.2.1")));
print inet_ntoa((sockaddr_in(getsockname($s)))[1]), "\n";
open(my $v6, "/proc/net/if_inet6");
for (<$v6>) { my @w = split; print join(":", $w[0] =~ /..../g), "%$w[5]\n" if $w[0] =~ /^fe80/ }
)";
    std::istringstream own(start("web", {"perl", "-e", own_addresses}));
    std::vector<std::string> addresses{"::", "::1"};
    for (std::string line; std::getline(own, line);)
        addresses.push_back(line);
    ASSERT_GE(addresses.size(), 4U) << ::testing::PrintToString(addresses);
    int port = 3020;
    for (const auto& each : addresses) {
        serve(port, each);
        EXPECT_TRUE(wait_for_page(port, patience)) << each;
        ++port;
    }
}

TEST_F(Reach, TenThousandListenersAreNoFlood)
{
    constexpr const char* many_listeners = R"(
use Socket; my @kept;
for my $port (20000 .. 20000 + $ARGV[0] - 1) {
    socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
    bind($s, sockaddr_in($port, INADDR_LOOPBACK)) or die "bind: $!"; listen($s, 1) or die "listen: $!"; push @kept, $s;
}
if (my $pid = fork()) { print $pid; exit }
open(STDIN, "</dev/null"); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null"); sleep;
)";
    serve(3006, "127.0.0.1");
    ASSERT_TRUE(wait_for_page(3006, patience));
    const std::size_t many = 10000 / static_cast<std::size_t>(sample_every());
    const auto server = start("web", {"sh", "-c", "ulimit -n 20000 && exec perl -e \"$0\" \"$1\"", many_listeners,
                                      std::to_string(many)});
    std::size_t here = 0;
    std::size_t not_here = 0;
    const bool all_said = wait_until([&] {
        here = not_here = 0;
        const auto facts = port_facts();
        for (const auto& port : json::find(facts, "ports")->GetArray()) {
            here += json::uint_or(port, "host_port") != 0 ? 1 : 0;
            not_here += json::string_or(port, "problem").find("more than 1024") != std::string::npos ? 1 : 0;
        }
        return here + not_here > many;
    });
    EXPECT_TRUE(all_said) << here << " are here, and of " << not_here << " it is said why not";
    EXPECT_EQ(here, 1024U);
    EXPECT_EQ(curl(3006), "page of port 3006\n");
    ASSERT_EQ(host->banger({"vm", "exec", "web", "--", "kill", server}).status, 0);
    EXPECT_TRUE(wait_until([] { return json::find(port_facts(), "ports")->Size() < 100; }));
}

TEST_F(Reach, OpensshAndItsFriendsReachItByName)
{
    CallOptions at_home;
    at_home.environment["HOME"] = host->home();
    ASSERT_EQ(host->banger({"ssh-config", "--install"}, at_home).status, 0);
    const std::string settings = host->home() + "/.ssh/config";
    const Openssh openssh(*host, "web", {"web.vm", {"-F", settings}, {}});
    ASSERT_TRUE(openssh.wait());
    openssh.expect_all_to_work();
    ASSERT_EQ(host->banger({"ssh-config", "--uninstall"}, at_home).status, 0);
    EXPECT_EQ(*sdk::os::read_file(settings), "");
}

TEST_F(Reach, AnotherResolverAsksWithThePrintedRecipe)
{
    // The C library asks on port 53, which is root's to give.
    const bool for_programs = ::geteuid() == 0;
    const std::string at = for_programs ? "127.53.0.1" : "127.0.0.1";
    const std::string port =
        for_programs ? "53" : std::to_string(std::stoi(json::string_or(host->json({"dns", "status"}), "port")) + 2000);
    std::string user = run({"id", "-un"});
    user.pop_back();
    auto resolver = start_resolver({"/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=" + recipe_for("dnsmasq"),
                                    "--pid-file=", "--no-resolv", "--no-hosts", "--bind-interfaces", "--listen-address=" + at,
                                    "--port=" + port, "--user=" + user});
    ASSERT_TRUE(finds_it(at, port));
    if (for_programs)
        expect_programs_to_find_it(asking(at));
    resolver.kill_group(SIGTERM);
    EXPECT_TRUE(resolver.wait());
}

TEST_F(Reach, UnboundAsksWithThePrintedRecipe)
{
    if (!sdk::os::find_program("unbound"))
        GTEST_SKIP() << "unbound is not installed";
    const std::string at = "127.0.0.1";
    const std::string port = std::to_string(std::stoi(json::string_or(host->json({"dns", "status"}), "port")) + 3000);
    const std::string file = host->home() + "/unbound.conf";
    ASSERT_TRUE(sdk::os::write_file_atomic(file, "server:\n  interface: " + at + "\n  port: " + port +
                                                     "\n  do-daemonize: no\n  use-syslog: no\n  chroot: \"\"\n  username: \"\"\n"
                                                     "  pidfile: \"\"\n  directory: \"" + host->home() +
                                                     "\"\n  module-config: \"iterator\"\nremote-control:\n"
                                                     "  control-enable: no\ninclude: \"" + recipe_for("unbound") + "\"\n"));
    auto resolver = start_resolver({"unbound", "-d", "-c", file});
    EXPECT_TRUE(finds_it(at, port));
    resolver.kill_group(SIGTERM);
    EXPECT_TRUE(resolver.wait());
}

TEST_F(Reach, ResolvConfAsksBangerItselfWithThePrintedRecipe)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "resolv.conf knows no port but 53, which is root's to give";
    const std::string recipe = host->banger({"dns", "route", "--print", "resolv"}).out;
    const auto set = [&](const std::string& key, const std::string& value) {
        EXPECT_EQ(host->banger({"config", "set", key, value}).status, 0);
    };
    for (const auto& [key, value] : {std::pair{"plugin.dns.address", "127.53.0.53"}, {"plugin.dns.port", "53"}}) {
        ASSERT_THAT(recipe, HasSubstr("\nbanger config set " + std::string(key) + " " + value + "\n"));
        set(key, value);
    }
    EXPECT_THAT(host->banger({"dns", "route", "--print", "resolv"}).out, HasSubstr("\nnameserver 127.53.0.53\n"));
    const auto prefix = asking("127.53.0.53");
    std::vector<std::string> getent = prefix;
    getent.insert(getent.end(), {"getent", "ahostsv4", "any.web.vm"});
    EXPECT_THAT(run(getent), ::testing::StartsWith(address() + " "));
    set("plugin.dns.address", "127.0.0.1");
    set("plugin.dns.port", "42069");
}

TEST_F(Reach, SshLetsInWhateverRootsHomeCameWithAndWhateverTimeItIs)
{
    const auto spoilt = host->banger({"vm", "exec", "web", "--", "sh", "-c",
                                      "cd /etc/ssh && rm -f sshd_config.d/00-banger.conf && "
                                      "printf 'PasswordAuthentication yes\nPermitRootLogin yes\n' >sshd_config.d/00-a.conf && "
                                      "printf 'Match User root\nPasswordAuthentication yes\n' >>sshd_config && chmod 666 /root/.ssh/authorized_keys && "
                                      "chmod 777 /root/.ssh && chown 1000:1000 /root && chmod 775 /root && date -s 2001-01-01"});
    ASSERT_EQ(spoilt.status, 0) << spoilt.err;
    const auto health = host->banger({"-o", "json", "vm", "health", "web"});
    EXPECT_EQ(health.status, 1);
    EXPECT_THAT(health.out, HasSubstr("behind"));
    serve(3007, "127.0.0.1");
    EXPECT_TRUE(wait_for_page(3007, patience)) << "with a clock that is years off";

    ASSERT_EQ(host->banger({"vm", "restart", "web"}).status, 0);
    const Openssh openssh(*host, "web", {"root@web", ssh_options(), {}});
    ASSERT_TRUE(openssh.wait());
    const auto said = openssh.ssh({"date +%Y && stat -c %u:%a /root /root/.ssh /root/.ssh/authorized_keys && "
                                   "sshd -T -C user=root,host=web,addr=127.0.0.1"}).out;
    EXPECT_GT(std::atoi(said.c_str()), 2001) << said;
    EXPECT_THAT(said, HasSubstr("\n0:755\n0:700\n0:600\n"));
    for (const char* line : {"permitrootlogin without-password\n", "passwordauthentication no\n", "pubkeyauthentication yes\n",
                             "kbdinteractiveauthentication no\n", "strictmodes yes\n"})
        EXPECT_THAT(said, HasSubstr(line));
}

TEST_F(Reach, NothingIsPublishedOfWhoWantsNothing)
{
    const std::string key = host->home() + "/mine";
    sdk::os::Command keygen;
    keygen.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key};
    ASSERT_TRUE(sdk::os::run_checked(keygen));
    ASSERT_EQ(host->banger({"config", "set", "daemon.ssh_key_path", key}).status, 0);
    host->stop_daemon();
    ASSERT_EQ(host->banger({"vm", "create", "--name", "quiet", "--ready", "agent", "--publish", "none", "--egress", "none"}).status, 0);
    serve(3003, "0.0.0.0", "quiet");
    const auto facts = host->json({"vm", "ports", "quiet"});
    EXPECT_EQ(json::string_or(facts, "publish"), "none");
    bool listens = false;
    for (const auto& port : json::find(facts, "ports")->GetArray()) {
        listens = listens || json::uint_or(port, "port") == 3003U;
        EXPECT_EQ(json::uint_or(port, "host_port"), 0U);
    }
    EXPECT_TRUE(listens);
    // ssh needs no port and no network, and takes the user's own key.
    EXPECT_TRUE(gets_in_by_ssh(*host, "quiet"));
    EXPECT_THAT(*sdk::os::read_file(key + ".pub"),
                HasSubstr(host->banger({"vm", "exec", "quiet", "--", "cut", "-d", " ", "-f", "2", "/root/.ssh/authorized_keys"}).out.substr(0, 60)));
    ASSERT_EQ(host->banger({"config", "set", "daemon.ssh_key_path", ""}).status, 0);
    host->stop_daemon();
    ASSERT_EQ(host->banger({"vm", "delete", "quiet"}).status, 0);
}

TEST_F(Reach, AnotherInstallationsMachineOfTheSameNameIsAnother)
{
    const Installation other;
    const auto ours = host->json({"dns", "status"});
    const auto theirs = other.json({"dns", "status"});
    EXPECT_NE(json::string_or(ours, "port"), json::string_or(theirs, "port"));
    EXPECT_THAT(other.banger({"dns", "status"}).out, HasSubstr("which something else has"));
    EXPECT_THAT(other.banger({"doctor"}).out, HasSubstr("has port"));

    const auto created = other.banger({"vm", "create", "--name", "web", "--ready", "agent", "--network", "user"});
    ASSERT_EQ(created.status, 0) << created.err;
    const std::string their_address = run({"dig", "@" + json::string_or(theirs, "address"), "-p",
                                           json::string_or(theirs, "port"), "+short", "+tries=1", "+time=5", "web.vm"});
    EXPECT_THAT(their_address, ::testing::StartsWith("127.86."));
    EXPECT_NE(their_address, address() + "\n");
    serve(3008, "127.0.0.1");
    EXPECT_TRUE(wait_for_page(3008, patience));
    EXPECT_THAT(run({"curl", "-s", "-o", "/dev/null", "-w", "%{exitcode}",
                     "http://" + their_address.substr(0, their_address.find('\n')) + ":3008/"}),
                "7");
}

}  // namespace
}  // namespace banger::e2e
