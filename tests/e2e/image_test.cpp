// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images other than the one that all tests share: one without an init of its own, and the default one.
#include <gtest/gtest.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/images/image_store.hpp"
#include "tests/e2e/screen.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::e2e {
namespace {

constexpr const char* busybox = "/bin/busybox";  // Debian's busybox-static

// A root file system as alpine's container image has it: /sbin/init is there, and so is its inittab, which starts an OpenRC
// that is not.
images::testing::Tar busybox_image(const std::string& program)
{
    images::testing::Tar tar;
    for (const char* path :
         {"./", "./bin/", "./sbin/", "./etc/", "./dev/", "./proc/", "./sys/", "./run/", "./tmp/", "./var/"})
        tar.directory(path);
    tar.directory("./root/", 0700);
    tar.file("./bin/busybox", program, 0755).link("./sbin/init", "/bin/busybox");
    for (const char* applet : {"sh", "cat", "ls", "hostname", "sleep", "grep", "sync"})
        tar.link(std::string("./bin/") + applet, "busybox");
    tar.file("./etc/passwd", "root:x:0:0:root:/root:/bin/sh\n").file("./etc/group", "root:x:0:\n");
    tar.file("./etc/os-release", "ID=busybox\n");
    tar.file("./etc/inittab", "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n");
    return tar;
}

// Under the name of the tests' image, so that nothing else has to be said; the real importer makes it.
void replace_image(const Installation& host, const images::testing::Tar& tar)
{
    ASSERT_EQ(host.banger({"image", "delete", "debian-bookworm-minimal"}).status, 0);
    images::testing::FunctionSource source(images::testing::gives(tar.text()));
    images::ImageStore store(host.home() + "/state/images", images::Catalogue::built_in(),
                             [&](const std::string&) -> sdk::Result<sdk::ImageSource*> { return &source; });
    sdk::testing::FakeCall call;
    const auto image = store.pull("debian-bookworm-minimal", call);
    ASSERT_TRUE(image) << image.error().message;
    ASSERT_EQ(image->facts.at("init"), "none");
}

TEST(ImageWithoutInit, GetsOursByItselfKeepsItsFilesAndStopsCleanly)
{
    auto program = sdk::os::read_file(busybox, 16U << 20U);
    ASSERT_TRUE(program) << "apt install busybox-static: " << program.error().message;
    const Installation host;
    replace_image(host, busybox_image(*program));
    ASSERT_FALSE(HasFatalFailure());
    auto made = host.banger({"vm", "create", "--name", "a"});
    ASSERT_EQ(made.status, 0) << made.err;
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/proc/1/comm"}).out, "banger-init\n");
    // An orphan is reaped: no zombie stays.
    auto orphan = host.banger({"vm", "exec", "a", "--", "sh", "-c", "(sleep 0.2 &) ; echo kept > /var/f; sleep 1"});
    ASSERT_EQ(orphan.status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "sh", "-c", "grep -l '^State:.Z' /proc/[0-9]*/status"}).out, "");
    const auto started = host.banger(
        {"vm", "session", "start", "--name", "s", "a", "--", "sh", "-c", "echo here; exec sleep 1000"});
    EXPECT_EQ(started.status, 0) << started.err;
    Screen logs(host, {"vm", "session", "logs", "-f", "a", "s"});
    EXPECT_TRUE(logs.shows("here"));
    auto stopped = host.banger({"vm", "stop", "a"});
    EXPECT_EQ(stopped.status, 0) << stopped.err;
    EXPECT_LT(stopped.took, std::chrono::seconds(20)) << "nobody heard the request to stop";
    ASSERT_EQ(host.banger({"vm", "start", "a"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "cat", "/var/f"}).out, "kept\n");
    // A session ended with the machine, and says so.
    const auto session = host.json({"vm", "session", "show", "a", "s"});
    EXPECT_EQ(json::string_or(session, "state"), "ended");
    EXPECT_EQ(json::string_or(session, "signal"), "TERM");
    EXPECT_TRUE(json::bool_or(session, "by_machine"));
    EXPECT_EQ(host.banger({"vm", "session", "logs", "a", "s"}).out, "here\n");
    expect_clean(host);
}

TEST(ImageWithoutInit, ABareRunIsAShellThroughTheAgentForWantOfAnSshd)
{
    auto program = sdk::os::read_file(busybox, 16U << 20U);
    ASSERT_TRUE(program) << program.error().message;
    const Installation host;
    replace_image(host, busybox_image(*program));
    ASSERT_FALSE(HasFatalFailure());
    Screen screen(host, {"vm", "run", "--name", "b"});
    ASSERT_TRUE(screen.shows("# ")) << screen.seen();
    screen.type("hostname; echo $((6 * 7))\r");
    ASSERT_TRUE(screen.shows("b\r\n42\r\n")) << screen.seen();
    screen.type("exit\r");
    ASSERT_TRUE(screen.shows("banger vm stop b")) << screen.seen();
    EXPECT_EQ(screen.wait(), 0);
    EXPECT_EQ(shown(host, "b", "state"), "running");
}

std::string in_layer(const std::string& layer, const std::string& request)
{
    sdk::os::Command command;
    command.argv = {"debugfs", "-R", request, layer};
    command.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}};
    const auto output = sdk::os::run(std::move(command));
    return output ? output->out : output.error().message;
}

TEST(DamagedImage, IsShownAsThatUnderItsNameAndCanBeDeleted)
{
    const Installation host;
    const auto id = json::string_or(host.json({"image", "show", "debian-bookworm-minimal"}), "id");
    const std::string directory = host.home() + "/state/images/" + id;
    // A file of its own: the others are links to the seed's.
    ASSERT_TRUE(sdk::os::write_file_atomic(directory + "/root.ext4", "cut", 0444));
    for (int round = 0; round < 2; ++round) {
        std::vector<std::string> lines;
        const auto list = host.json({"image", "list"});
        for (const auto& image : json::find(list, "images")->GetArray())
            lines.push_back(json::string_or(image, "name") + " " + json::string_or(image, "state"));
        EXPECT_EQ(lines, (std::vector<std::string>{"debian-bookworm available", "debian-bookworm-minimal damaged"}));
        auto show = host.json({"image", "show", "debian-bookworm-minimal"});
        EXPECT_EQ(json::string_or(show, "state"), "damaged");
        EXPECT_NE(json::string_or(show, "problem").find(directory), std::string::npos);
        // Also when its record is lost.
        ASSERT_TRUE(sdk::os::remove_file(directory + "/image.json"));
        ASSERT_TRUE(sdk::os::write_file_atomic(directory + "/image.json", "{", 0444));
    }
    auto refused = host.banger({"vm", "create"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.err.find("is damaged"), std::string::npos) << refused.err;
    auto deleted = host.banger({"image", "delete", "debian-bookworm-minimal"});
    EXPECT_EQ(deleted.status, 0) << deleted.err;
    EXPECT_FALSE(sdk::os::exists(directory));
    expect_clean(host);
}

TEST(DefaultImage, IsADevelopmentMachineAndHoldsNoIdentity)
{
    const Installation host;
    CallOptions long_enough;
    long_enough.timeout = std::chrono::minutes(20);
    auto pulled = host.banger({"image", "pull", "debian-bookworm"}, long_enough);
    ASSERT_EQ(pulled.status, 0) << pulled.err;
    const auto id = json::string_or(host.json({"image", "show", "debian-bookworm"}), "id");
    const std::string root = host.home() + "/state/images/" + id + "/root.ext4";
    EXPECT_EQ(in_layer(root, "cat /etc/machine-id"), "");
    const auto ssh = in_layer(root, "ls -p /etc/ssh");
    EXPECT_NE(ssh.find("/sshd_config/"), std::string::npos) << ssh;
    EXPECT_EQ(ssh.find("ssh_host_"), std::string::npos) << ssh;

    auto made = host.banger({"vm", "create", "--name", "a", "--image", "debian-bookworm", "--memory", "1024"});
    ASSERT_EQ(made.status, 0) << made.err;
    const auto in_guest = [&](const std::string& script) {
        return host.banger({"vm", "exec", "a", "--", "sh", "-c", script});
    };
    auto state = in_guest("systemctl is-system-running");
    EXPECT_EQ(state.out, "running\n") << in_guest("systemctl --failed").out;
    EXPECT_EQ(in_guest("echo '{\"a\": [1, 2]}' | jq -c .a").out, "[1,2]\n");
    auto compiled = in_guest("echo 'int main(){return 42;}' > t.c && gcc t.c -o t && ./t");
    EXPECT_EQ(compiled.status, 42) << compiled.err;
    // By its socket: nothing of Docker runs before the first command.
    EXPECT_EQ(in_guest("systemctl is-active docker.service").out, "inactive\n");
    auto docker = in_guest("docker info --format '{{.ServerVersion}} {{.Driver}}'");
    EXPECT_EQ(docker.status, 0) << docker.out << docker.err << in_guest("journalctl -u docker -n 20").out;
    EXPECT_NE(docker.out.find(" overlay2"), std::string::npos) << docker.out;
    // A network manager of the guest's finds our settings, and changes nothing.
    const std::string before = in_guest("hostname -I; ip route").out;
    auto managed = in_guest("systemctl start systemd-udev-trigger systemd-networkd && "
                            "/lib/systemd/systemd-networkd-wait-online --timeout=60 && "
                            "networkctl --no-pager --no-legend list | grep -q 'ether *routable *configured'");
    EXPECT_EQ(managed.status, 0) << managed.err << in_guest("networkctl --no-pager list").out;
    EXPECT_EQ(in_guest("hostname -I; ip route").out.substr(0, before.find('\n')), before.substr(0, before.find('\n')));
    auto delete_it = host.banger({"vm", "delete", "-f", "a"});
    EXPECT_EQ(delete_it.status, 0) << delete_it.err;
    expect_clean(host);
}

}  // namespace
}  // namespace banger::e2e
