// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Bad input, and what it gets: one clear sentence with a hint, and nothing left behind.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"
#include "core/guest/initramfs.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/unit/image_oci/fake_registry.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::e2e {
namespace {

struct Refusal {
    const char* name;
    std::vector<std::string> call;
    int status;
    std::vector<std::string> said;  ///< all of these, in standard error
};

void expect_said(const Called& called, const std::vector<std::string>& words)
{
    for (const auto& text : words)
        EXPECT_NE(called.err.find(text), std::string::npos) << "no '" << text << "' in:\n" << called.err;
}

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, SaysWhyAndWhatToDoAndLeavesNothing)
{
    const Installation host;
    auto called = host.banger(GetParam().call);
    EXPECT_EQ(called.status, GetParam().status) << called.err;
    EXPECT_EQ(called.out, "");
    expect_said(called, GetParam().said);
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
}

INSTANTIATE_TEST_SUITE_P(
    Input, Refused,
    ::testing::Values(
        Refusal{"image", {"vm", "create", "--image", "Debian-bokworm"}, 1, {"Debian-bokworm", "'debian-bookworm'"}},
        Refusal{"kernel", {"vm", "create", "--kernel", "debian-clod"}, 1, {"debian-clod", "'debian-cloud'"}},
        Refusal{"name", {"vm", "create", "--name", "Not A Name"}, 2, {"Not A Name"}},
        Refusal{"name_id", {"vm", "create", "--name", "6321e1061973"}, 2, {"6321e1061973", "a vm's id"}},
        Refusal{"cpus_zero", {"vm", "create", "--vcpu", "0"}, 2, {"--vcpu"}},
        Refusal{"cpus_negative", {"vm", "create", "--vcpu", "-1"}, 2, {"--vcpu"}},
        Refusal{"cpus_absurd", {"vm", "create", "--vcpu", "100000"}, 2, {"--vcpu"}},
        Refusal{"memory_zero", {"vm", "create", "--memory", "0"}, 2, {"--memory"}},
        Refusal{"memory_absurd", {"vm", "create", "--memory", "99999999999"}, 2, {"--memory"}},
        Refusal{"disk_words", {"vm", "create", "--disk", "huge"}, 2, {"--disk"}},
        Refusal{"disk_small", {"vm", "create", "--disk", "1M"}, 2, {"--disk"}},
        Refusal{"provider", {"vm", "create", "--vmm", "qemo"}, 1, {"qemo", "qemu"}},
        Refusal{"egress", {"vm", "create", "--egress", "internt"}, 2, {"internt", "internet"}},
        Refusal{"verb", {"vm", "crate"}, 2, {"crate", "create"}},
        Refusal{"vm", {"vm", "start", "nobody"}, 1, {"nobody"}},
        Refusal{"run_usage", {"vm", "run", "--vcpu", "0", "--", "true"}, 2, {"--vcpu"}},
        Refusal{"run_own_failure", {"vm", "run", "--image", "nothing-like-it", "--", "true"}, 125, {"nothing-like-it"}}),
    [](const ::testing::TestParamInfo<Refusal>& one) { return one.param.name; });

void expect_settings_refused(const std::string& settings, const std::vector<std::string>& words)
{
    const Installation host(settings);
    const auto called = host.banger({"vm", "list"});
    EXPECT_EQ(called.status, 1);
    expect_said(called, words);
    ASSERT_TRUE(sdk::os::remove_file(host.home() + "/config.toml"));
}

TEST(RefusedConfig, AnUnknownKeyIsNamedWithFileLineAndTheNearestKey)
{
    expect_settings_refused("vpcu = 2\n", {"config.toml:6", "vpcu", "vcpu"});
}

TEST(RefusedConfig, AWrongTypeIsNamedWithFileAndLine)
{
    expect_settings_refused("[backends]\nvmm = 7\n", {"config.toml:7"});
}

TEST(RefusedName, ATakenNameIsSaid)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--no-start"}).status, 0);
    auto again = host.banger({"vm", "create", "--name", "a", "--no-start"});
    EXPECT_EQ(again.status, 1);
    EXPECT_NE(again.err.find("'a' already"), std::string::npos) << again.err;
    expect_clean(host);
}

TEST(RefusedHost, WithoutQemuTheErrorSaysWhatToInstall)
{
    const Installation host;
    CallOptions nothing_installed;  // the daemon that this call starts finds no program at all
    nothing_installed.environment["PATH"] = "/nonexistent";
    auto called = host.banger({"vm", "create"}, nothing_installed);
    EXPECT_EQ(called.status, 1);
    EXPECT_NE(called.err.find("hint:"), std::string::npos) << called.err;
    EXPECT_NE(called.err.find("apt install qemu-system-x86"), std::string::npos) << called.err;
    expect_clean(host);
}

TEST(RefusedHost, WithoutAMirrorTheImageIsNotMadeAndNothingIsLeft)
{
    const Installation host("\n[plugin.image-debian]\nmirror = \"http://127.0.0.1:9/debian\"\n");
    ASSERT_EQ(host.banger({"image", "delete", "debian-bookworm-minimal"}).status, 0);
    auto called = host.banger({"vm", "create"});
    EXPECT_EQ(called.status, 1);
    EXPECT_NE(called.err.find("127.0.0.1:9"), std::string::npos) << called.err;
    EXPECT_NE(called.err.find("hint:"), std::string::npos) << called.err;
    auto left = sdk::os::list_directory(host.home() + "/state/images");
    ASSERT_TRUE(left);
    EXPECT_TRUE(left->empty()) << left->front();
    expect_clean(host);
}

// The one that this host's machines boot, after one of them did.
std::string initramfs_of(const Installation& host)
{
    EXPECT_EQ(host.banger({"vm", "run", "--rm", "--ready", "agent", "--", "true"}).status, 0);
    const std::string directory = host.home() + "/cache/initramfs";
    const auto made = sdk::os::list_directory(directory).value_or({});
    EXPECT_EQ(made.size(), 1U);
    return made.empty() ? std::string() : directory + "/" + made.front();
}

// Its start fails with these words and those of its console, for which it is kept.
Called expect_guest_refused(const Installation& host, const std::string& of_console, const std::vector<std::string>& words)
{
    auto called = host.banger({"vm", "run", "--rm", "--name", "a", "--", "true"});
    EXPECT_EQ(called.status, 125) << called.err;
    expect_said(called, words);
    expect_said(called, {of_console, "banger vm logs a"});
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    EXPECT_NE(host.banger({"vm", "logs", "a"}).out.find(of_console), std::string::npos);
    expect_clean(host);
    return called;
}

TEST(RefusedGuest, AGuestThatPanicsQuotesItsConsoleAndIsKeptForItsLog)
{
    const Installation host;
    // An initramfs without an init: the kernel finds nothing to run, and panics.
    ASSERT_TRUE(sdk::os::write_file_atomic(initramfs_of(host), "nothing"));
    expect_guest_refused(host, "Kernel panic", {"never answered"});
}

// A kernel that runs and an init that is no agent: nobody ever answers, and nothing ends by itself.
TEST(RefusedGuest, OneThatStaysSilentIsGivenUpAfterABoundedWaitAndKeptForItsLog)
{
    const Installation host("\n[daemon]\nboot_timeout = \"20s\"\n");
    const std::string modules = host.home() + "/no-modules";
    std::filesystem::create_directories(modules + "/none");
    ASSERT_TRUE(sdk::os::write_file_atomic(modules + "/none/modules.dep", ""));
    auto written = guest::build_initramfs(modules, "none", "/bin/busybox", initramfs_of(host));
    ASSERT_TRUE(written) << written.error().message;
    const auto called =
        expect_guest_refused(host, "Run /init as init process", {"never answered within 20 s", "boot_timeout"});
    EXPECT_GT(called.took, std::chrono::seconds(20));
    EXPECT_LT(called.took, std::chrono::seconds(60));
}

// Has machines run by a script in QEMU's place: `as_machine` is a line of it that a machine meets and a question does not.
void put_script_before_qemu(const Installation& host, const std::string& as_machine, const std::string& settings)
{
    const std::string program = host.home() + "/scripted-qemu";
    ASSERT_TRUE(sdk::os::write_file_atomic(program,
                                           "#!/bin/sh\nfor word; do case $word in -name) " + as_machine +
                                               " ;; esac; done\nexec qemu-system-x86_64 \"$@\"\n",
                                           0755));
    auto config = sdk::os::read_file(host.home() + "/config.toml");
    ASSERT_TRUE(config);
    const auto section = config->find("[plugin.vmm-qemu]");
    if (section != std::string::npos)
        config->resize(section);
    ASSERT_TRUE(sdk::os::write_file_atomic(
        host.home() + "/config.toml", *config + settings + "\n[plugin.vmm-qemu]\nprogram = \"" + program +
                                          "\"\naccelerator = \"tcg\"\nstart_patience = 2\n"));
}

TEST(RefusedHost, AQemuThatFreezesIsNamedAndNothingIsLeft)
{
    const Installation host;
    put_script_before_qemu(host, "kill -STOP $$", "");
    auto called = host.banger({"vm", "run", "--", "true"});
    EXPECT_EQ(called.status, 125) << called.err;
    EXPECT_NE(called.err.find("QEMU did not start its machine within 2 s"), std::string::npos) << called.err;
    EXPECT_NE(called.err.find("hint:  if this host is only slow, raise start_patience"), std::string::npos) << called.err;
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    EXPECT_LE(host.processes().size(), 1U) << "only the daemon is left";
    expect_clean(host);
}

TEST(RefusedHost, WithoutPasstAGuestThatNeedsANetworkIsRefusedAndAnotherRuns)
{
    const Installation host("\n[plugin.net-user]\npasst = \"no-such-passt\"\n");
    auto called = host.banger({"vm", "create"});
    EXPECT_EQ(called.status, 1);
    expect_said(called, {"do not go together", "passt", "--egress internet", "hint:"});
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
    auto run = host.banger({"vm", "run", "--rm", "--ready", "agent", "--egress", "none", "--", "echo", "alone"});
    EXPECT_EQ(run.out, "alone\n") << run.err;
}

TEST(RefusedImage, OneInUseIsNotDeletedAndWhoUsesItIsNamed)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--no-start", "--name", "user-of-it"}).status, 0);
    for (const auto& words : {std::vector<std::string>{"image", "delete", "debian-bookworm-minimal"},
                              {"kernel", "delete", "debian-cloud"}}) {
        auto refused = host.banger(words);
        EXPECT_EQ(refused.status, 1);
        EXPECT_NE(refused.err.find("user-of-it"), std::string::npos) << refused.err;
    }
    ASSERT_EQ(host.banger({"vm", "delete", "user-of-it"}).status, 0);
    EXPECT_EQ(host.banger({"image", "delete", "debian-bookworm-minimal"}).status, 0);
}

TEST(RefusedPlugin, OneThatThrowsIsNamedAndNothingIsLeft)
{
    const Installation host;
    CallOptions options;
    options.environment["BANGER_PLUGIN_PATH"] = std::getenv("BANGER_TEST_BAD_PLUGIN");
    auto called = host.banger({"vm", "create", "--storage", "throws"}, options);
    EXPECT_EQ(called.status, 1);
    EXPECT_NE(called.err.find("throws"), std::string::npos) << called.err;
    EXPECT_NE(called.err.find("hint:"), std::string::npos) << called.err;
    EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U);
    expect_clean(host);
    EXPECT_EQ(host.banger({"vm", "create", "--no-start"}).status, 0) << "the daemon goes on";
}

TEST(RefusedPlugin, OneThatDoesNotLoadIsShownAndStopsNobody)
{
    const Installation host;
    const std::string directory = host.home() + "/plugins";
    ASSERT_TRUE(sdk::os::make_private_directory(directory));
    ASSERT_TRUE(sdk::os::write_file_atomic(directory + "/broken.so", "no library"));
    CallOptions options;
    options.environment["BANGER_PLUGIN_PATH"] = directory;
    auto list = host.banger({"plugin", "list"}, options);
    EXPECT_EQ(list.status, 0) << list.err;
    EXPECT_NE(list.out.find("broken"), std::string::npos) << list.out;
    EXPECT_EQ(host.banger({"vm", "create", "--no-start"}).status, 0);
}

TEST(RefusedPlugin, OneThatNobodyUsesSpoilsNoAuditAndNoRebuiltJournal)
{
    const Installation host;
    CallOptions options;  // its factories throw, refuse, lie and hang
    options.environment["BANGER_PLUGIN_PATH"] = std::getenv("BANGER_TEST_BAD_PLUGIN");
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}, options).status, 0);
    auto used = host.banger({"vm", "create", "--no-start", "--storage", "refuses"});
    EXPECT_NE(used.err.find("the moon is not full"), std::string::npos) << "the daemon does not see it: " << used.err;
    auto audit = host.banger({"audit"});
    EXPECT_EQ(audit.status, 0) << audit.out << audit.err;
    ASSERT_TRUE(sdk::os::remove_file(host.vms() + "/" + shown(host, "a", "id") + "/handles.json"));
    EXPECT_EQ(host.banger({"audit", "--repair"}).status, 0);
    expect_clean(host);
    EXPECT_EQ(host.banger({"vm", "delete", "-f", "a"}).status, 0);
    expect_clean(host);
}

TEST(RefusedPlugin, OneThatIsSelectedAndCannotBeAskedIsAFinding)
{
    const Installation host("\n[backends]\nstorage = \"refuses\"\n");
    CallOptions options;
    options.environment["BANGER_PLUGIN_PATH"] = std::getenv("BANGER_TEST_BAD_PLUGIN");
    auto audit = host.banger({"audit"}, options);
    EXPECT_EQ(audit.status, 1) << audit.err;
    EXPECT_NE(audit.out.find("nobody can say what storage 'refuses' holds: the moon is not full"), std::string::npos)
        << audit.out << audit.err;
}

/// A call of banger whose standard error is read while it goes on.
class UnderWay {
public:
    UnderWay(const Installation& host, const std::vector<std::string>& arguments)
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe(ends.data()), 0);
        reader_.reset(ends[0]);
        const sdk::os::UniqueFd writer(ends[1]);
        auto command = host.command(arguments);
        command.err = writer.get();
        auto child = sdk::os::spawn(command);
        EXPECT_TRUE(child);
        if (child)
            child_ = std::move(*child);
    }

    /// Reads until it says `stage`; false if it ends before.
    bool wait_for(const std::string& stage)
    {
        while (said_.find(stage) == std::string::npos)
            if (!read())
                return false;
        return true;
    }

    int end()
    {
        while (read()) {
        }
        auto status = child_->wait();
        return status ? *status : -1;
    }

    void interrupt() { child_->kill_group(SIGINT); }
    [[nodiscard]] const std::string& said() const { return said_; }

private:
    bool read()
    {
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(reader_.get(), buffer.data(), buffer.size());
        if (got > 0)
            said_.append(buffer.data(), static_cast<std::size_t>(got));
        return got > 0;
    }

    sdk::os::UniqueFd reader_;
    std::optional<sdk::os::Child> child_;
    std::string said_;
};

TEST(Interrupted, CtrlCWhileAMachineIsMadeLeavesNothing)
{
    const Installation host;
    // At several moments of a run: each ends with nothing.
    for (const char* stage : {"boot", "wait for the system"}) {
        UnderWay run(host, {"vm", "run", "--", "true"});
        ASSERT_TRUE(run.wait_for(stage)) << run.said();
        run.interrupt();
        EXPECT_NE(run.end(), 0) << stage;
        EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U) << stage;
        expect_clean(host);
    }
}

TEST(InterruptedPull, CtrlCWhileTheImageIsMadeLeavesNothing)
{
    const Installation host;
    ASSERT_EQ(host.banger({"image", "delete", "debian-bookworm-minimal"}).status, 0);
    for (const char* stage : {"install packages", "write the root file system"}) {
        UnderWay run(host, {"vm", "run", "--", "true"});
        ASSERT_TRUE(run.wait_for(stage)) << run.said();
        run.interrupt();
        EXPECT_NE(run.end(), 0) << stage;
        EXPECT_NE(run.said().find("cancelled"), std::string::npos) << run.said();
        for (const char* directory : {"/state/images", "/cache/plugins/image-debian"})
            for (const auto& left : sdk::os::list_directory(host.home() + directory).value_or({}))
                ADD_FAILURE() << stage << ": " << directory << "/" << left << " is left";
        for (const auto& left : host.processes())
            ADD_FAILURE() << stage << ": " << left << " goes on";
        EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U) << stage;
        expect_clean(host);
    }
}

// A root file system of so many bytes, as an archive, which do not compress to less.
std::string archive_of(std::size_t bytes)
{
    std::string content;
    for (std::uint64_t number = 1; content.size() < bytes; ++number)
        content += std::to_string(number * 11400714819323198485U) + "\n";
    return images::testing::Tar().directory("./").directory("./etc/").file("./etc/os-release", "ID=big\n").file("./big", content).text();
}

TEST(InterruptedPull, OfAContainerImageGoesOnWhereItEnded)
{
    constexpr std::size_t there = 300'000;
    const auto layer = archive_of(4 * there);
    std::atomic<int> asked = 0;
    std::promise<void> sent;
    const oci::testing::FakeRegistry registry({layer}, [&](const oci::testing::Request& request, oci::testing::Reply& reply) {
        if (!request.path.ends_with(blobs::digest_of(layer)) || asked++ > 0)
            return false;
        reply.send_part(200, layer, there);
        sent.set_value();
        reply.stall();
        return true;
    });
    const Installation host;
    const auto images = sdk::os::list_directory(host.home() + "/state/images").value_or({});
    UnderWay pull(host, {"image", "pull", registry.reference()});
    ASSERT_EQ(sent.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready) << pull.said();
    const std::string part = host.home() + "/cache/plugins/image-oci/blobs/" + registry.layer(0).substr(7) + ".part";
    ASSERT_TRUE(wait_for_text(part, layer.substr(there - 20, 20), std::chrono::minutes(1))) << part;
    pull.interrupt();
    EXPECT_NE(pull.end(), 0);
    EXPECT_NE(pull.said().find("cancelled"), std::string::npos) << pull.said();
    EXPECT_EQ(sdk::os::list_directory(host.home() + "/state/images").value_or({}), images) << "no part of an image";

    const auto again = host.banger({"image", "pull", registry.reference()});
    EXPECT_EQ(again.status, 0) << again.err;
    const auto requests = registry.server.requests_for(registry.layer(0));
    ASSERT_EQ(requests.size(), 2U);
    EXPECT_EQ(requests.back().headers.at("range"), "bytes=" + std::to_string(there) + "-");
    expect_clean(host);
}

// First the downloads and then the image itself do not fit; with room enough what was downloaded is used.
TEST(FullDisk, WhileAContainerImageIsPulledIsSaidAndThePullGoesOnLater)
{
    const oci::testing::FakeRegistry registry({archive_of(16U << 20U)});
    const Installation host;
    auto command = host.command({});
    const std::string banger = command.argv.front();
    command.argv = {"unshare", "--mount", "sh", "-c",
                    "mount -t tmpfs -o size=10m,mode=700 tmpfs \"$BANGER_HOME\" && cd / || exit 99\n"
                    "for size in 24m 100m; do\n"
                    "    \"$1\" image pull \"$2\" 2>&1; echo \"pull: $?\"\n"
                    "    ls -A \"$BANGER_HOME/state/images\" | wc -l\n"
                    "    mount -o remount,size=$size tmpfs \"$BANGER_HOME\"\n"
                    "done\n"
                    "\"$1\" image pull \"$2\" 2>&1; echo \"pull: $?\"\n"
                    "\"$1\" daemon stop",
                    "sh", banger, registry.reference()};
    sdk::os::RunLimits limits;
    limits.timeout = std::chrono::minutes(5);
    const auto said = sdk::os::run(command, {}, limits);
    ASSERT_TRUE(said) << said.error().message;
    std::size_t at = 0;
    for (const char* text : {"no space left in", "/cache/plugins/image-oci/blobs for a download", "banger image cache prune", "pull: 1\n0\n",
                             "no space left in", "/state/images to make image", "pull: 1\n0\n", "pull: 0\n"}) {
        at = said->out.find(text, at);
        ASSERT_NE(at, std::string::npos) << "no '" << text << "' in:\n" << said->out << said->err;
    }
    EXPECT_EQ(registry.server.requests_for(registry.layer(0)).size(), 2U) << "the rest of it was fetched once";
}

// In mounts of their own, which end with the shell.
TEST(FullDisk, WhileTheImageIsMadeIsOneSentenceAndLeavesNothing)
{
    const Installation host;
    auto command = host.command({});
    const std::string banger = command.argv.front();
    command.argv = {"unshare", "--mount", "sh", "-c",
                    "mount -t tmpfs -o size=100m,mode=700 tmpfs \"$BANGER_HOME\" && cd / || exit 99\n"
                    "\"$1\" vm run --image debian-bookworm-minimal -- true; echo \"run: $?\"\n"
                    "\"$1\" audit; echo \"audit: $?\"\n"
                    "ls -A \"$BANGER_HOME/state/images\"\n"
                    "\"$1\" daemon stop",
                    "sh", banger};
    sdk::os::RunLimits limits;
    limits.timeout = std::chrono::minutes(5);
    const auto said = sdk::os::run(command, {}, limits);
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_NE(said->out.find("run: 125\n"), std::string::npos) << said->out;
    EXPECT_NE(said->out.find("audit: 0\nthe daemon is stopped"), std::string::npos) << said->out << said->err;
    for (const char* text : {"error: ", "no space", "hint:"})
        EXPECT_NE(said->err.find(text), std::string::npos) << "no '" << text << "' in:\n" << said->err;
}

TEST(Interrupted, WhoWaitsForAMachineIsToldForWhat)
{
    const Installation host;
    UnderWay create(host, {"vm", "create", "--name", "a"});
    ASSERT_TRUE(create.wait_for("boot")) << create.said();
    UnderWay stop(host, {"vm", "stop", "a"});
    EXPECT_TRUE(stop.wait_for("waiting: vm 'a' is being created (")) << stop.said();
    stop.interrupt();
    EXPECT_NE(stop.end(), 0);
    EXPECT_NE(stop.said().find("cancelled while waiting: vm 'a' is being created ("), std::string::npos) << stop.said();
    EXPECT_EQ(create.end(), 0) << create.said();
    EXPECT_EQ(shown(host, "a", "state"), "running");
}

// Takes connections, and never says anything.
class SilentMirror {
public:
    SilentMirror() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        EXPECT_EQ(::listen(socket_.get(), 16), 0);
        EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
        port_ = ntohs(address.sin_port);
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/debian"; }

private:
    sdk::os::UniqueFd socket_;
    int port_ = 0;
};

TEST(Interrupted, NobodyElseWaitsBehindThoseWhoMakeSomething)
{
    const SilentMirror mirror;
    const Installation host("\n[daemon]\nworkers = 1\n\n[plugin.image-debian]\nmirror = \"" + mirror.url() + "\"\n");
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--ready", "agent"}).status, 0);
    UnderWay maker(host, {"image", "pull", "debian-bookworm"});  // the only worker, for as long as the mirror is silent
    ASSERT_TRUE(maker.wait_for("debian-bookworm")) << maker.said();
    CallOptions soon;
    soon.timeout = std::chrono::seconds(20);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}, soon).out, "a\n");
    EXPECT_EQ(host.banger({"audit"}, soon).status, 0);
    // One that waits for the worker is called off at once.
    sdk::os::Command shell;
    shell.argv = {"timeout", "--signal=INT", "1", host.command({}).argv.front(), "vm", "create", "--name", "b"};
    shell.environment = {{"BANGER_HOME", host.home()}};
    sdk::os::RunLimits limits;
    limits.timeout = std::chrono::seconds(20);
    auto waiting = sdk::os::run(shell, {}, limits);
    ASSERT_TRUE(waiting) << "it waits for the worker: " << waiting.error().message;
    EXPECT_NE(waiting->err.find("cancelled before it began"), std::string::npos) << waiting->err;
    maker.interrupt();
    EXPECT_NE(maker.end(), 0);
    expect_clean(host);
}

TEST(Interrupted, CtrlCCallsOffAllThatACommandStarts)
{
    const Installation host;
    for (const char* name : {"a", "b", "c"})
        ASSERT_EQ(host.banger({"vm", "create", "--name", name, "--no-start"}).status, 0);
    UnderWay start(host, {"vm", "start", "a", "b", "c"});
    for (const char* stage : {"boot vm 'a'", "boot vm 'b'", "boot vm 'c'"})
        ASSERT_TRUE(start.wait_for(stage)) << start.said();
    start.interrupt();
    EXPECT_EQ(start.end(), 128 + SIGINT);
    EXPECT_NE(start.said().find("cancelled: 'a', 'b' and 'c'"), std::string::npos) << start.said();
    for (const char* name : {"a", "b", "c"})
        EXPECT_EQ(shown(host, name, "state"), "stopped") << name;
    expect_clean(host);
}

TEST(Interrupted, CtrlCWhileAMachineShutsDownToStartAgainLeavesItStoppedInOrder)
{
    const Installation host;
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a"}).status, 0);
    // Not on its disk yet, so a cut would lose it.
    ASSERT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "echo kept > /root/f"}).status, 0);
    UnderWay restart(host, {"vm", "restart", "a"});
    ASSERT_TRUE(restart.wait_for("power off vm 'a'")) << restart.said();
    restart.interrupt();
    EXPECT_EQ(restart.end(), 128 + SIGINT);
    EXPECT_NE(restart.said().find("vm 'a' is stopped; its start was cancelled"), std::string::npos) << restart.said();
    EXPECT_EQ(shown(host, "a", "state"), "stopped");
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/root/f"}).out, "kept\n");
    expect_clean(host);
}

TEST(Interrupted, DeletingAMachineThatIsBeingMadeCallsItOff)
{
    const Installation host;
    for (const char* stage : {"boot", "wait for the system"}) {
        UnderWay create(host, {"vm", "create", "--name", "a"});
        ASSERT_TRUE(create.wait_for(stage)) << create.said();
        const auto deleted = host.banger({"vm", "delete", "a"});
        EXPECT_EQ(deleted.status, 0) << deleted.err;
        EXPECT_EQ(create.end(), 1) << create.said();
        EXPECT_NE(create.said().find("cancelled"), std::string::npos) << create.said();
        EXPECT_EQ(json::find(host.json({"vm", "list"}), "vms")->Size(), 0U) << stage;
        expect_clean(host);
    }
}

}  // namespace
}  // namespace banger::e2e
