// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/installation.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"

namespace banger::e2e {
namespace {

using Clock = std::chrono::steady_clock;

std::string from_environment(const char* name)
{
    const char* value = std::getenv(name);
    if (value == nullptr) {
        ADD_FAILURE() << name << " is not set: run these tests through ctest";
        std::abort();
    }
    return value;
}

// Layers are read-only, so a link is as good as a copy.
void link_seed(const std::string& home)
{
    const std::string seed = from_environment("BANGER_TEST_SEED");
    for (const char* part : {"images", "kernels"}) {
        sdk::os::Command command;
        command.argv = {"cp", "-al", seed + "/state/" + part, home + "/state/"};
        auto copied = sdk::os::run_checked(command);
        ASSERT_TRUE(copied) << copied.error().message;
    }
}

// What the test does not name itself. Never what needs objects of the kernel, where nobody asked for that: these tests run
// in the machine's own namespaces.
std::string with_providers(std::string config)
{
    struct Pinned {
        std::string key;
        const char* variable;
        std::string usual;
    };
    constexpr std::string_view table = "[backends]\n";
    std::string lines;
    for (const Pinned& pinned : {Pinned{"vmm", "BANGER_TEST_VMM", ""},
                                 {"storage", "BANGER_TEST_STORAGE", "file"},
                                 {"network", "BANGER_TEST_NETWORK", "user"}}) {
        const char* value = std::getenv(pinned.variable);
        const std::string provider = value == nullptr ? pinned.usual : value;
        if (!provider.empty() && config.find("\n" + pinned.key + " = ") == std::string::npos)
            lines += pinned.key + " = \"" + provider + "\"\n";
    }
    const auto at = config.find(table);
    if (at == std::string::npos)
        return config + "\n" + std::string(table) + lines;
    // At the table's end: a test may count the lines of what it wrote.
    const auto next = config.find("\n[", at);
    return next == std::string::npos ? config + lines : config.insert(next + 1, lines);
}

constexpr const char* test_defaults = R"([vm_defaults]
image = "debian-bookworm-minimal"
memory = 512
vcpu = 1
disk = "4G"
)";

}  // namespace

Installation::Installation(const std::string& config)
{
    std::string pattern = from_environment("BANGER_TEST_DIR") + "/home-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
        std::abort();
    home_ = pattern;
    EXPECT_TRUE(sdk::os::make_private_directory(home_ + "/state"));
    link_seed(home_);
    EXPECT_TRUE(sdk::os::write_file_atomic(home_ + "/config.toml", test_defaults + with_providers(config)));
}

Installation::~Installation()
{
    auto vms = banger({"vm", "list", "-o", "json"});
    if (auto list = json::parse_object(vms.out, "vm list"); list)
        if (const auto* all = json::find(*list, "vms"); all != nullptr)
            for (const auto& vm : all->GetArray())
                banger({"vm", "delete", "-f", json::string_or(vm, "id")});
    stop_daemon();
    if (std::getenv("BANGER_TEST_KEEP") == nullptr || !::testing::Test::HasFailure()) {
        EXPECT_TRUE(sdk::os::remove_tree(home_));
    }
}

sdk::os::Command Installation::command(const std::vector<std::string>& arguments) const
{
    sdk::os::Command command;
    command.argv = {from_environment("BANGER_TEST_BIN") + "/banger"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.environment = {{"BANGER_HOME", home_}};
    return command;
}

Called Installation::banger(const std::vector<std::string>& arguments, const CallOptions& options) const
{
    auto call = command(arguments);
    for (const auto& [name, value] : options.environment)
        call.environment.emplace_back(name, value);
    sdk::os::RunLimits limits;
    limits.timeout = options.timeout;
    limits.most_output = 256U << 20U;
    const auto start = Clock::now();
    auto output = sdk::os::run(call, options.input, limits);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
    if (!output)
        return {-1, {}, output.error().message, took};
    return {output->status, std::move(output->out), std::move(output->err), took};
}

json::Document Installation::json(const std::vector<std::string>& arguments) const
{
    auto with_format = arguments;
    with_format.insert(with_format.begin(), {"-o", "json"});
    auto called = banger(with_format);
    EXPECT_EQ(called.status, 0) << called.err;
    auto parsed = json::parse(called.out, "the output");
    EXPECT_TRUE(parsed) << called.out;
    return parsed ? std::move(*parsed) : json::Document();
}

std::string Installation::instance() const
{
    auto text = sdk::os::read_file(home_ + "/state/instance");
    return text ? text->substr(0, 8) : std::string();
}

pid_t Installation::daemon_pid() const
{
    auto socket = sdk::os::connect_unix(home_ + "/run/bangerd.sock");
    if (!socket)
        return 0;
    auto peer = sdk::os::peer_of(socket->get());
    return peer ? peer->pid : 0;
}

void Installation::kill_daemon() const
{
    if (const pid_t pid = daemon_pid(); pid != 0) {
        // One that just dies by itself still has its socket, and cannot be told apart any more.
        if (const auto id = sdk::os::identify(pid)) {
            ASSERT_TRUE(sdk::os::kill_and_wait(*id, SIGKILL, std::chrono::seconds(10)));
        }
    }
}

void Installation::stop_daemon() const
{
    const pid_t pid = daemon_pid();
    if (pid == 0)
        return;
    auto id = sdk::os::identify(pid);
    auto stopped = banger({"daemon", "stop"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    if (id) {
        EXPECT_TRUE(sdk::os::kill_and_wait(*id, 0, std::chrono::seconds(20))) << "the daemon does not end";
    }
}

std::vector<std::string> Installation::processes() const
{
    std::vector<std::string> found;
    const std::string id = instance();
    for (const auto& process : sdk::os::find_processes([&](const std::vector<std::string>& arguments) {
             for (const auto& argument : arguments)
                 if ((!id.empty() && argument.find("banger-" + id) != std::string::npos) ||
                     argument.find(home_) != std::string::npos)
                     return true;
             return false;
         }).value_or({}))
        if (auto arguments = sdk::os::arguments_of(process.pid).value_or({}); !arguments.empty())
            found.push_back(arguments.front());
    return found;
}

std::string shown(const Installation& host, const std::string& vm, const std::string& key)
{
    auto called = host.banger({"-o", "json", "vm", "show", vm});
    auto value = json::parse_object(called.out, "vm show");
    if (called.status != 0 || !value)
        return {};
    return json::string_or(*value, key);
}

std::uint64_t pid_of(const Installation& host, const std::string& vm)
{
    auto value = host.json({"vm", "show", vm});
    return json::uint_or(value, "pid");
}

std::string usual_vmm()
{
    const char* value = std::getenv("BANGER_TEST_VMM");
    return value == nullptr ? "qemu" : value;
}

int sample_every()
{
    const char* value = std::getenv("BANGER_TEST_SAMPLE");
    return value == nullptr ? 1 : std::max(1, std::atoi(value));
}

void expect_clean(const Installation& host)
{
    auto audit = host.banger({"audit"});
    EXPECT_EQ(audit.status, 0) << audit.out << audit.err;
}

bool wait_for_text(const std::string& file, const std::string& text, std::chrono::seconds timeout, std::size_t from)
{
    const auto deadline = Clock::now() + timeout;
    const sdk::os::UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    const std::string directory = file.substr(0, file.rfind('/'));
    ::inotify_add_watch(watch.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    for (;;) {
        if (auto content = sdk::os::read_file(file); content && content->find(text, from) != std::string::npos)
            return true;
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd ready{watch.get(), POLLIN, 0};
        if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0)
            return false;
        char drained[4096];
        while (::read(watch.get(), drained, sizeof drained) > 0) {
        }
    }
}

}  // namespace banger::e2e
