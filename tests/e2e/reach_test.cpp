// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Names and ports of real machines, asked with dig and curl as a person's programs would: one machine for most of it.
#include <gmock/gmock.h>

#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/host_program.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/e2e/openssh.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds patience{60};
constexpr int database_port = 6379;

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

// Asks for a page from inside of the guest, at a port or a socket.
constexpr const char* ask_server = R"(
use Socket; my $place = $ARGV[0] =~ m{/} ? sockaddr_un($ARGV[0]) : sockaddr_in($ARGV[0], INADDR_LOOPBACK);
socket(my $s, sockaddr_family($place), SOCK_STREAM, 0); connect($s, $place) or die "connect: $!";
syswrite($s, "GET / HTTP/1.0\r\n\r\n"); shutdown($s, 1); print <$s>;
)";

// Sends without an end, and without having said how much there is; but /small is small.
constexpr const char* endless_server = R"(
use Socket; $SIG{PIPE} = "IGNORE";
socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die "bind: $!"; listen($s, 64);
if (my $pid = fork()) { print $pid; exit }
open(STDIN, "</dev/null"); open(STDOUT, ">/dev/null"); open(STDERR, ">/dev/null");
while (accept(my $c, $s)) {
    sysread($c, my $q, 4096); syswrite($c, "HTTP/1.0 200 OK\r\n\r\nfirst of many\n");
    1 while $q !~ m{^GET /small} && syswrite($c, "x" x 4096); close($c);
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
    /// A real one of this host's packages, which keeps what it is told in a file.
    static void start_database()
    {
        bring_program(*host, "web", "redis-check-rdb", "redis-server");  // which is the server by another name
        start("web", {"env", "LD_LIBRARY_PATH=/opt/redis-server", "/opt/redis-server/redis-server", "--bind", "127.0.0.1", "--port",
                      std::to_string(database_port), "--daemonize", "yes", "--appendonly", "yes", "--dir", "/root"});
    }
    /// What its own client says, here.
    static std::string database(const std::string& where, const std::vector<std::string>& words, std::vector<std::string> prefix = {})
    {
        prefix.insert(prefix.end(), {"redis-cli", "-h", where, "-p", std::to_string(database_port)});
        prefix.insert(prefix.end(), words.begin(), words.end());
        return run(prefix);
    }
    template <typename Holds>
    static bool wait_until(Holds holds)
    {
        return time_until(holds) < patience;
    }
    /// How long it took; more than all patience if it did not come true.
    template <typename Holds>
    static std::chrono::milliseconds time_until(Holds holds)
    {
        const auto start = std::chrono::steady_clock::now();
        for (;;) {
            const bool held = holds();
            const auto took = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
            if (held || took > patience)
                return held ? std::min<std::chrono::milliseconds>(took, patience - std::chrono::milliseconds(1)) : took;
        }
    }

    /// A program, and what it says.
    class Running {
    public:
        explicit Running(sdk::os::Command command)
        {
            const auto out = sdk::os::open_file(said_, O_WRONLY | O_CREAT | O_TRUNC);
            command.out = out->get();
            command.err = out->get();
            command.die_with_parent = true;
            auto started = sdk::os::spawn(command);
            EXPECT_TRUE(started) << started.error().message;
            program_.emplace(std::move(*started));
        }
        ~Running() { end(SIGKILL); }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

        /// Its status; -1 if it had ended before.
        int end(int signal)
        {
            if (program_)
                program_->kill_group(signal);
            return wait();
        }
        int wait()
        {
            const int status = program_ ? program_->wait().value_or(-1) : -1;
            program_.reset();
            return status;
        }
        [[nodiscard]] bool wait_for(const std::string& text) const { return wait_for_text(said_, text, patience); }
        [[nodiscard]] std::string said() const { return sdk::os::read_file(said_).value_or({}); }

    private:
        const std::string said_ = host->home() + "/said-" + std::to_string(++count_);
        std::optional<sdk::os::Child> program_;
        static inline int count_ = 0;
    };
    /// `vm forward` while this lives.
    class Forward {
    public:
        explicit Forward(std::vector<std::string> forwards) : program_(command(std::move(forwards)))
        {
            EXPECT_TRUE(wait_for(" -> ")) << said();
        }
        ~Forward() { stop(); }
        Forward(const Forward&) = delete;
        Forward& operator=(const Forward&) = delete;

        void stop()
        {
            if (!std::exchange(stopped_, true)) {
                EXPECT_EQ(program_.end(SIGINT), 128 + SIGINT) << said();
            }
        }
        [[nodiscard]] bool wait_for(const std::string& text) const { return program_.wait_for(text); }
        [[nodiscard]] std::string said() const { return program_.said(); }
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
        static sdk::os::Command command(std::vector<std::string> forwards)
        {
            forwards.insert(forwards.begin(), {"vm", "forward", "web"});
            return host->command(forwards);
        }

        Running program_;
        bool stopped_ = false;
    };
    static std::string page_by_socket(const std::string& path)
    {
        return run({"curl", "-sS", "--max-time", "20", "--unix-socket", path, "http://web/"});
    }
    /// As a program in the guest gets it, by a port or a socket there.
    static std::string page_in_guest(const std::string& place)
    {
        const auto page = host->banger({"vm", "exec", "web", "--", "perl", "-e", ask_server, place});
        return page.out + page.err;
    }
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
        start_database();
        EXPECT_TRUE(wait_until([&] { return database("web.vm", {"ping"}, prefix) == "PONG\n"; }));
        const auto facts = port_facts();
        const auto* const ssh = listed(facts, 22);
        ASSERT_NE(ssh, nullptr) << json::to_pretty(facts);
        const auto ssh_port = json::uint_or(*ssh, "host_port");
        ASSERT_NE(ssh_port, 0U) << json::to_pretty(facts);
        auto options = ssh_options();
        options.resize(options.size() - 2);  // not through the agent
        options.insert(options.end(), {"-o", "User=root", "-o", "Port=" + std::to_string(ssh_port)});
        const Openssh openssh(*host, "web", {"web.vm", options, prefix});
        ASSERT_TRUE(openssh.wait());
        openssh.expect_all_to_work();
    }
    static json::Document port_facts() { return host->json({"vm", "ports", "web"}); }
    /// What they have of a port; nothing if it is not among them.
    static const json::Value* listed(const json::Document& facts, unsigned number)
    {
        for (const auto& port : json::find(facts, "ports")->GetArray())
            if (json::uint_or(port, "port") == number)
                return &port;
        return nullptr;
    }

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
    EXPECT_THAT(host->banger({"vm", "host-key", "brief"}).out, HasSubstr(" ssh-ed25519 "));
    const std::string known_hosts = host->vms() + "/" + shown(*host, "brief", "id") + "/known_hosts";
    EXPECT_TRUE(sdk::os::exists(known_hosts));
    serve(3010, "127.0.0.1", "brief");
    const auto there = dig({"+short", "brief.vm"});
    const std::vector<std::string> ask{"curl", "-s", "-o", "/dev/null", "-w", "%{exitcode}", "--max-time", "5",
                                       "http://" + there.substr(0, there.find('\n')) + ":3010/"};
    EXPECT_TRUE(wait_until([&] { return run(ask) == "0"; }));
    // It ends without anybody's word.
    ASSERT_EQ(::kill(static_cast<pid_t>(pid_of(*host, "brief")), SIGKILL), 0);
    EXPECT_TRUE(wait_until([] { return dig({"brief.vm"}).find("status: NXDOMAIN") != std::string::npos; }));
    EXPECT_TRUE(wait_until([&] { return run(ask) == "7"; })) << "curl(1), EXIT CODES: it cannot connect";
    ASSERT_EQ(host->banger({"vm", "delete", "brief"}).status, 0);
    expect_clean(*host);
    EXPECT_FALSE(sdk::os::exists(known_hosts));
    EXPECT_EQ(host->banger({"vm", "host-key", "brief"}).out, "");
}

TEST_F(Reach, APortOfTheGuestIsReachedByName)
{
    serve(3000, "127.0.0.1");
    ASSERT_TRUE(wait_for_page(3000, patience));
    EXPECT_EQ(curl(3000), "page of port 3000\n");
    const auto facts = port_facts();
    const auto* port = listed(facts, 3000);
    ASSERT_NE(port, nullptr) << json::to_pretty(facts);
    EXPECT_EQ(json::string_or(*port, "process"), "perl");
    EXPECT_EQ(json::uint_or(*port, "host_port"), 3000U);
    EXPECT_EQ(json::string_or(*port, "url"), "http://web.vm:3000/");
}

TEST_F(Reach, APortAppearsAndGoesWithinASecond)
{
    constexpr const char* cannot_connect = "7";  // curl(1), EXIT CODES
    constexpr std::chrono::seconds promised{1};
    constexpr int most_tries = 8;  // it may be this host that is late, and the guest's system still comes up
    std::chrono::milliseconds appeared = patience;
    std::chrono::milliseconds went = patience;
    const std::string page = "http://" + address() + ":3001/";
    for (int i = 0; i < most_tries && std::max(appeared, went) > promised; ++i) {
        const auto server = serve(3001, "0.0.0.0");
        appeared = std::min(appeared, time_until([&] { return run({"curl", "-s", page}) == "page of port 3001\n"; }));
        ASSERT_EQ(host->banger({"vm", "exec", "web", "--", "kill", server}).status, 0);
        went = std::min(went, time_until([&] {
            return run({"curl", "-s", "-o", "/dev/null", "-w", "%{exitcode}", page}) == cannot_connect;
        }));
    }
    EXPECT_LE(appeared, promised);
    EXPECT_LE(went, promised);
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
    const auto facts = port_facts();
    const auto* port = listed(facts, 81);
    ASSERT_NE(port, nullptr) << json::to_pretty(facts);
    EXPECT_EQ(json::uint_or(*port, "host_port"), static_cast<unsigned>(number));
    EXPECT_EQ(json::string_or(*port, "problem").empty(), may_have_it) << json::to_pretty(facts);
}

TEST_F(Reach, AllIsThereAgainAfterTheDaemonWasKilled)
{
    serve(3002, "127.0.0.1");
    start_database();
    start("web", {"perl", "-e", endless_server, "3009"});
    ASSERT_TRUE(wait_for_page(3002, patience));
    ASSERT_TRUE(wait_until([] { return database(address(), {"set", "ada", "lovelace"}) == "OK\n"; }));
    const Openssh openssh(*host, "web", {"root@web", ssh_options(), {}});
    ASSERT_TRUE(openssh.wait());
    const std::string here = host->home() + "/again.sock";
    const Forward in({"0:3002", here + ":3002"});
    const Forward out({"-R", "3010:" + in.port(), "-R", "/root/again.sock:" + here});
    const auto expect_all = [&] {
        EXPECT_TRUE(wait_for_page(3002, patience));
        EXPECT_TRUE(wait_until([] { return database(address(), {"get", "ada"}) == "lovelace\n"; }));
        EXPECT_TRUE(wait_until([] { return curl(3009, "/small") == "first of many\n"; })) << curl(3009, "/small");
        EXPECT_EQ(in.page(), "page of port 3002\n");
        EXPECT_EQ(page_by_socket(here), "page of port 3002\n");
        for (const char* place : {"3010", "/root/again.sock"})
            EXPECT_THAT(page_in_guest(place), HasSubstr("page of port 3002")) << place;
        EXPECT_EQ(openssh.ssh({"true"}).status, 0);
    };
    expect_all();
    const auto before = address();
    Running shell(host->command({"vm", "ssh", "web", "--", "echo inside; exec sleep 600"}));
    ASSERT_TRUE(shell.wait_for("inside")) << shell.said();
    sdk::os::Command get;
    get.argv = {"curl", "-sS", "-N", "--limit-rate", "100K", "http://" + before + ":3009/"};
    Running download(get);
    ASSERT_TRUE(download.wait_for("first of many"));

    host->kill_daemon();
    // Nobody takes half for the whole.
    EXPECT_EQ(download.wait(), 56) << "curl(1), EXIT CODES: receiving failed";
    EXPECT_NE(shell.wait(), 0);
    EXPECT_THAT(shell.said(), HasSubstr("error: ")) << "it is said why";
    ASSERT_EQ(host->banger({"vm", "list"}).status, 0);
    EXPECT_EQ(address(), before);
    EXPECT_TRUE(in.wait_for("connected again")) << in.said();
    EXPECT_TRUE(out.wait_for("connected again")) << out.said();
    expect_all();
}

TEST_F(Reach, ForwardsGoBothWaysAndSocketsTakeTheirFilesAway)
{
    serve(3004, "127.0.0.1");
    const std::string here = host->home() + "/here.sock";
    // Into the guest, out of it again to this host, and so to the first one: a page comes by all of them.
    Forward in({"0:3004", here + ":3004"});
    EXPECT_EQ(in.page(), "page of port 3004\n");
    EXPECT_EQ(page_by_socket(here), "page of port 3004\n");
    Forward out({"-R", "3005:" + in.port(), "-R", "/root/there.sock:" + here});
    for (const char* place : {"3005", "/root/there.sock"})
        EXPECT_THAT(page_in_guest(place), HasSubstr("page of port 3004")) << place;
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
    host->kill_daemon();  // whoever comes next starts another
    openssh.expect_all_to_work();
    host->kill_daemon();
    ASSERT_EQ(host->banger({"ssh-config", "--uninstall"}, at_home).status, 0);
    EXPECT_EQ(*sdk::os::read_file(settings), "");
    EXPECT_EQ(host->daemon_pid(), 0) << "who wants out needs nobody";
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
                                      "cd /etc/ssh/sshd_config.d && echo PasswordAuthentication yes >00-a.conf && "
                                      "printf 'Match User root\nPasswordAuthentication yes\n' | tee image.conf >>../sshd_config && "
                                      "rm -f /etc/ssh/sshd_config.d/00-banger.conf && chmod 666 /root/.ssh/authorized_keys && "
                                      "chmod 777 /root/.ssh && chown 1000:1000 /root && chmod 775 /root && date -s 2001-01-01"});
    ASSERT_EQ(spoilt.status, 0) << spoilt.err;
    const auto health = host->banger({"-o", "json", "vm", "health", "web"});
    EXPECT_EQ(health.status, 1);
    EXPECT_THAT(health.out, HasSubstr("behind"));
    serve(3007, "127.0.0.1");
    EXPECT_TRUE(wait_for_page(3007, patience)) << "with a clock that is years off";

    // A key of the user's own, from the next start on; what was let in before still is.
    const std::string own_key = host->home() + "/own key";
    run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", own_key});
    ASSERT_EQ(host->banger({"config", "set", "daemon.ssh_key_path", own_key}).status, 0);
    host->stop_daemon();  // which may still see connections off, and would go on with its old settings
    ASSERT_EQ(host->banger({"vm", "restart", "web"}).status, 0);
    const Openssh openssh(*host, "web", {"root@web", ssh_options(), {}});
    ASSERT_TRUE(openssh.wait());
    EXPECT_EQ(host->banger({"vm", "ssh", "web", "--", "hostname"}).out, "web\n") << "with the user's own key";
    const auto said = openssh.ssh({"date +%Y && stat -c %u:%a /root /root/.ssh /root/.ssh/authorized_keys && sshd -T -C user=root,host=a,addr=127.0.0.1"}).out;
    EXPECT_GT(std::atoi(said.c_str()), 2001) << said;
    EXPECT_THAT(said, HasSubstr("\n0:755\n0:700\n0:600\n"));
    for (const char* line : {"permitrootlogin without-password\n", "passwordauthentication no\n", "pubkeyauthentication yes\n",
                             "kbdinteractiveauthentication no\n", "strictmodes yes\n"})
        EXPECT_THAT(said, HasSubstr(line));
}

TEST_F(Reach, NothingIsPublishedOfWhoWantsNothing)
{
    ASSERT_EQ(host->banger({"vm", "create", "--name", "quiet", "--ready", "agent", "--publish", "none", "--egress", "none"}).status, 0);
    serve(3003, "0.0.0.0", "quiet");
    const auto facts = host->json({"vm", "ports", "quiet"});
    EXPECT_EQ(json::string_or(facts, "publish"), "none");
    EXPECT_NE(listed(facts, 3003), nullptr) << json::to_pretty(facts);
    for (const auto& port : json::find(facts, "ports")->GetArray())
        EXPECT_EQ(json::uint_or(port, "host_port"), 0U);
    if (sample_every() == 1) {
        EXPECT_TRUE(wait_until([] { return host->banger({"vm", "ssh", "quiet", "--", "hostname"}).out == "quiet\n"; }))
            << "ssh needs no port and no network";
    }
    ASSERT_EQ(host->banger({"vm", "delete", "quiet"}).status, 0);
}

TEST_F(Reach, AnotherInstallationsMachineOfTheSameNameIsAnother)
{
    const auto ours = host->json({"dns", "status"});
    const Installation other("[plugin.dns]\nport = " + json::string_or(ours, "port") + "\n");
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
