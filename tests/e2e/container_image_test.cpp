// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images that others' tools made, in a registry that is somebody else's too: pulled, compared and booted.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <memory>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/container_registry.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/unit/image_store/store_test_support.hpp"
#include "tests/unit/images/tree_snapshot.hpp"

namespace banger::e2e {
namespace {

/// Its init heard the request and ended the machine, and nobody cut it off.
void expect_stops_by_itself(const Installation& host, const std::string& name)
{
    const auto stopped = host.banger({"vm", "stop", "--timeout", "2m", name});
    EXPECT_EQ(stopped.status, 0);
    EXPECT_EQ(stopped.err.find("did not power off"), std::string::npos)
        << stopped.err << host.banger({"vm", "logs", name}).out;
}

TEST(ContainerImage, RunsACommandWithoutAnInitOfItsOwn)
{
    const Installation host;
    const ContainerRegistry registry(host.home() + "/registry");
    registry.make("busybox");
    const auto image = registry.push("busybox", "tools/busybox:3.20");
    ASSERT_FALSE(HasFailure());

    auto run = host.banger({"vm", "run", "--rm", "--image", image, "--", "cat", "/etc/os-release"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_NE(run.out.find("ID=alpine\n"), std::string::npos) << run.out << run.err;

    // Its own command, in its directory.
    auto own = host.banger({"vm", "run", "--rm", "--image", image});
    EXPECT_EQ(own.status, 0) << own.err;
    EXPECT_EQ(own.out, "from the upper layer\n");
    auto other = host.banger({"vm", "run", "--rm", "--image", image, "--entrypoint", "sh", "--", "-c",
                              "echo $COLOUR; id -u; id -g; pwd; exit 7"});
    EXPECT_EQ(other.status, 7) << other.err;
    EXPECT_EQ(other.out, "green\n70\n71\n/srv/www\n");

    const int asked = registry.count_in_log("http.request.method=GET");
    ASSERT_EQ(host.banger({"vm", "create", "--name", "a", "--image", image}).status, 0);
    EXPECT_EQ(registry.count_in_log("http.request.method=GET"), asked) << "what is here is not asked for again";
    const auto in_guest = [&](const std::string& script) {
        const auto called = host.banger({"vm", "exec", "a", "--", "sh", "-c", script});
        return called.out + called.err;
    };
    EXPECT_EQ(in_guest("cat /proc/1/comm"), "banger-init\n");
    EXPECT_EQ(in_guest("echo $COLOUR; id -u; cat note; cat /root/note"), "green\n0\nof the image\nof the image\n");
    EXPECT_EQ(in_guest("grep -c ' /var/roothome ext4 ' /proc/mounts"), "1\n") << "where the link leads is the work disk";
    EXPECT_EQ(in_guest("cat /srv/www/index.html"), "from the upper layer\n");
    EXPECT_EQ(in_guest("program"), "by musl\n");
    EXPECT_EQ(in_guest("ls /etc/group"), "ls: /etc/group: No such file or directory\n");
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "hostname"}).out, "a\n");
    EXPECT_EQ(host.banger({"vm", "ssh", "a", "--", "hostname"}).out, "a\n") << "through the agent for want of an sshd";
    const std::string local = host.home() + "/sent";
    ASSERT_TRUE(sdk::os::write_file_atomic(local, "sent and fetched"));
    EXPECT_EQ(host.banger({"vm", "cp", local, "a:/var/sent"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "cp", "a:/var/sent", local + "-back"}).status, 0);
    EXPECT_EQ(sdk::os::read_file(local + "-back").value_or(""), "sent and fetched");
    expect_stops_by_itself(host, "a");
    expect_clean(host);
}

TEST(ContainerImage, NeedsNothingButOneProgram)
{
    const Installation host;
    const ContainerRegistry registry(host.home() + "/registry");
    registry.make("single");
    const auto image = registry.push("single", "single:1");
    ASSERT_FALSE(HasFailure());
    auto own = host.banger({"vm", "run", "--name", "a", "--image", image});
    ASSERT_EQ(own.status, 0) << own.err;
    EXPECT_EQ(own.out, "from nothing\n");
    const auto command = host.banger({"vm", "run", "--rm", "--image", image, "--", "/busybox", "cat", "/proc/1/comm"});
    EXPECT_EQ(command.status, 0) << command.err;
    EXPECT_EQ(command.out, "banger-init\n");
    const auto shown_image = host.json({"image", "show", image});
    EXPECT_EQ(json::find_fields(shown_image, "facts").at("has_shell"), "false");
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "/busybox", "echo", "alone"}).out, "alone\n");
    const std::string local = host.home() + "/sent";
    ASSERT_TRUE(sdk::os::write_file_atomic(local, "sent"));
    EXPECT_EQ(host.banger({"vm", "cp", local, "a:/sent"}).status, 0);
    EXPECT_EQ(host.banger({"vm", "exec", "a", "--", "/busybox", "cat", "/sent"}).out, "sent");
    EXPECT_EQ(host.banger({"vm", "ssh", "a", "--", "/busybox", "cat", "/sent"}).out, "sent");
    expect_stops_by_itself(host, "a");
    expect_clean(host);
}

TEST(ContainerImage, IsOneUnderAllItsNamesAndStaysWhileMachinesStandOnIt)
{
    const Installation host;
    const ContainerRegistry registry(host.home() + "/registry");
    registry.make("single");
    const auto first = registry.push("single", "single:1");
    const auto second = registry.push("single", "other/name:2");
    ASSERT_FALSE(HasFailure());
    ASSERT_EQ(host.banger({"vm", "create", "--no-start", "--name", "a", "--image", first}).status, 0);
    ASSERT_EQ(host.banger({"vm", "create", "--no-start", "--name", "b", "--image", second}).status, 0);
    EXPECT_EQ(json::string_or(host.json({"image", "show", first}), "description"),
              "a container image, also called " + second);
    {
        const Installation other;  // another host's is the same file
        ASSERT_EQ(other.banger({"image", "pull", second}).status, 0);
        const auto id = json::string_or(host.json({"image", "show", first}), "id");
        for (const char* layer : {"/root.ext4", "/work.ext4"})
            run_script("cmp " + host.home() + "/state/images/" + id + layer + " " + other.home() + "/state/images/" + id + layer);
    }
    auto refused = host.banger({"image", "delete", second});
    EXPECT_EQ(refused.status, 1);
    EXPECT_NE(refused.err.find("is in use by the vms a, b"), std::string::npos) << refused.err;
    ASSERT_EQ(host.banger({"vm", "delete", "a"}).status, 0);
    refused = host.banger({"image", "delete", first});
    EXPECT_NE(refused.err.find("is in use by vm 'b'"), std::string::npos) << refused.err;
    ASSERT_EQ(host.banger({"vm", "delete", "b"}).status, 0);
    EXPECT_EQ(host.banger({"image", "delete", second}).status, 0);
    EXPECT_EQ(host.banger({"image", "show", first}).status, 1) << "one image, gone under both names";
    expect_clean(host);
}

TEST(ContainerImage, ComesFromARegistryWithAPasswordAndAnAuthorityOfItsOwn)
{
    const Installation host;
    const ContainerRegistry registry(host.home() + "/registry", {.password = true, .tls = true});
    registry.make("single");
    const auto image = registry.push("single", "private/single:1");
    const std::string user = host.home() + "/user";
    const std::string trusted = user + "/.config/containers/certs.d/" + registry.address();
    ASSERT_TRUE(sdk::os::make_directories(trusted));
    ASSERT_FALSE(HasFailure());
    // The daemon has the environment of who starts it.
    const auto pull = [&](const std::string& auth_file) {
        CallOptions options;
        options.environment = {{"HOME", user}, {"REGISTRY_AUTH_FILE", auth_file}};
        auto pulled = host.banger({"image", "pull", image}, options);
        host.stop_daemon();
        return pulled;
    };
    auto stranger = pull(registry.auth_file());
    EXPECT_EQ(stranger.status, 1);
    EXPECT_NE(stranger.err.find("a certificate that nobody here vouches for"), std::string::npos) << stranger.err;
    EXPECT_NE(stranger.err.find(registry.address() + "/ca.crt"), std::string::npos) << stranger.err;

    run_script("cp " + registry.authority() + " " + trusted);
    auto anonymous = pull({});
    EXPECT_EQ(anonymous.status, 1);
    EXPECT_NE(anonymous.err.find("does not give"), std::string::npos) << anonymous.err;
    EXPECT_NE(anonymous.err.find("podman login"), std::string::npos) << anonymous.err;

    auto pulled = pull(registry.auth_file());
    EXPECT_EQ(pulled.status, 0) << pulled.err;
    const auto run = host.banger({"vm", "run", "--rm", "--image", image, "--", "/busybox", "echo", "booted"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "booted\n");
    expect_clean(host);
}

/// Both layers of an image, put together as the guest does, below `directory`. Needs root.
class MountedImage {
public:
    MountedImage(const Installation& host, const std::string& image, std::string directory)
        : directory_(std::move(directory))
    {
        const auto layers = host.home() + "/state/images/" + json::string_or(host.json({"image", "show", image}), "id");
        for (const char* layer : {"/root.ext4", "/work.ext4"})
            EXPECT_TRUE(images::testing::is_clean(layers + layer)) << image << layer;
        run_script("mkdir " + directory_ + " && mount -t ext4 -o loop,ro " + layers + "/root.ext4 " + directory_ +
                   " && mount -t ext4 -o loop,ro " + layers + "/work.ext4 " + directory_ + "/root");
    }
    ~MountedImage()
    {
        EXPECT_EQ(::umount2((directory_ + "/root").c_str(), 0), 0);
        EXPECT_EQ(::umount2(directory_.c_str(), 0), 0);
        EXPECT_EQ(::rmdir(directory_.c_str()), 0);
    }
    MountedImage(const MountedImage&) = delete;
    MountedImage& operator=(const MountedImage&) = delete;

private:
    std::string directory_;
};

// What images are freed of on purpose (docs/images.md), and nothing else.
bool is_left_out(const std::string& path)
{
    for (const char* directory : {"dev/", "proc/", "sys/", "run/", "tmp/", "etc/ssh/ssh_host_"})
        if (path.starts_with(directory))
            return true;
    return path == "etc/machine-id" || path == "var/lib/dbus/machine-id";
}

/// Compares an image that is here with what umoci unpacked of it, every path with all that can be seen of it. Needs root.
void expect_as_umoci_unpacks(const Installation& host, const std::string& image, const std::string& bundle)
{
    const std::string mounted = host.home() + "/compared";
    const MountedImage mount(host, image, mounted);
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
    auto wanted = images::testing::snapshot_of(bundle + "/rootfs", images::testing::Holes::as_zeros);
    auto found = images::testing::snapshot_of(mounted, images::testing::Holes::as_zeros);
    EXPECT_FALSE(wanted.empty());
    // Of the work disk, wherever /root leads.
    std::erase_if(found, [&](const auto& file) { return file.first.ends_with("/lost+found") && !wanted.contains(file.first); });
    if (!wanted.contains("root"))
        found.erase("root");  // where the work disk is mounted
    for (auto* tree : {&wanted, &found})
        std::erase_if(*tree, [](const auto& file) { return is_left_out(file.first); });
    for (const auto& difference : images::testing::differences(wanted, found))
        ADD_FAILURE() << difference;
}

/// Pulls the image and compares it.
void expect_as_umoci_unpacks(const Installation& host, const ContainerRegistry& registry, const std::string& kind,
                             const std::string& image)
{
    const auto pulled = host.banger({"image", "pull", image});
    ASSERT_EQ(pulled.status, 0) << pulled.err;
    const std::string bundle = host.home() + "/bundle-" + kind;
    run_script("umoci unpack --image " + registry.layout() + ":" + kind + " " + bundle);
    expect_as_umoci_unpacks(host, image, bundle);
    EXPECT_TRUE(sdk::os::remove_tree(bundle));
}


/// Debian's images in one registry, for the machines of all tests of the suite.
class ContainerImageDebian : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root to mount an image and to make one with its owners";
        host_ = std::make_unique<Installation>();
        registry_ = std::make_unique<ContainerRegistry>(host_->home() + "/registry");
    }
    static void TearDownTestSuite()
    {
        registry_.reset();
        host_.reset();
    }
    void SetUp() override
    {
        if (!registry_)
            GTEST_SKIP() << "needs root";
    }
    void TearDown() override
    {
        if (host_)
            expect_clean(*host_);
    }

    /// Runs what anybody would in a new machine of the image, and leaves the machine running under the image's init.
    void expect_machine(const std::string& name, const std::string& image, const std::string& init)
    {
        const auto made =
            host_->banger({"vm", "run", "--name", name, "--image", image, "--", "sh", "-c", ". /etc/os-release; echo $ID"});
        ASSERT_EQ(made.status, 0) << made.err << host_->banger({"vm", "logs", name}).out;
        EXPECT_EQ(made.out, "debian\n");
        EXPECT_EQ(out_of(name, "cat /proc/1/comm"), init + "\n");
        EXPECT_EQ(out_of(name, "hostname"), name + "\n");
        EXPECT_EQ(host_->banger({"vm", "ssh", name, "--", "echo", "over ssh"}).out, "over ssh\n");
        const std::string local = host_->home() + "/sent";
        ASSERT_TRUE(sdk::os::write_file_atomic(local, "sent"));
        EXPECT_EQ(host_->banger({"vm", "cp", local, name + ":/var/sent"}).status, 0);
        EXPECT_EQ(out_of(name, "cat /var/sent"), "sent");
    }
    /// What the machine said to its end.
    std::string expect_stop(const std::string& name)
    {
        expect_stops_by_itself(*host_, name);
        auto said = host_->banger({"vm", "logs", name}).out;
        EXPECT_EQ(host_->banger({"vm", "delete", name}).status, 0);
        return said;
    }
    static std::string out_of(const std::string& vm, const std::string& script)
    {
        const auto called = host_->banger({"vm", "exec", vm, "--", "sh", "-c", script});
        return called.out + called.err;
    }

    // NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): one for the suite, as GoogleTest has it
    static inline std::unique_ptr<Installation> host_;
    static inline std::unique_ptr<ContainerRegistry> registry_;
    // NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
};

TEST_F(ContainerImageDebian, BootsItsOwnSystemd)
{
    {
        const std::string mounted = host_->home() + "/mounted";
        const MountedImage mount(*host_, "debian-bookworm-minimal", mounted);
        registry_->make("tree", mounted);
    }
    const auto image = registry_->push("tree", "debian/systemd:12");
    ASSERT_FALSE(HasFailure());
    expect_as_umoci_unpacks(*host_, *registry_, "tree", image);
    expect_machine("a", image, "systemd");
    EXPECT_EQ(out_of("a", "systemctl is-system-running"), "running\n") << out_of("a", "systemctl --failed");
    expect_stop("a");
}

TEST_F(ContainerImageDebian, BootsItsOwnOpenRc)
{
    registry_->make("openrc");
    const auto image = registry_->push("openrc", "debian/openrc:12");
    ASSERT_FALSE(HasFailure());
    expect_as_umoci_unpacks(*host_, *registry_, "openrc", image);
    expect_machine("b", image, "init");
    EXPECT_THAT(out_of("b", "rc-status --all"), ::testing::HasSubstr("Runlevel: sysinit"));
    out_of("b", "until [ \"$(runlevel)\" = 'N 2' ]; do sleep 1; done");  // what a request in the middle of its start does is sysvinit's matter
    const auto said = expect_stop("b");
    EXPECT_THAT(said, ::testing::HasSubstr("All processes ended within"));
    EXPECT_THAT(said, ::testing::Not(::testing::HasSubstr("Killing all remaining processes"))) << "and waiting for them";
}

TEST_F(ContainerImageDebian, BootsItsOwnS6)
{
    registry_->make("s6");
    const auto image = registry_->push("s6", "debian/s6:12");
    ASSERT_FALSE(HasFailure());
    expect_as_umoci_unpacks(*host_, *registry_, "s6", image);
    expect_machine("c", image, "s6-svscan");
    EXPECT_THAT(out_of("c", "s6-svstat /etc/s6-overlay/services/greeter; cat /run/greeter"),
                ::testing::AllOf(::testing::StartsWith("up (pid "), ::testing::EndsWith("up\n")));
    expect_stop("c");
}

/// The most memory in RAM that the daemon ever had, itself included: VmHWM of proc(5), MiB.
std::uint64_t peak_memory_mib(const Installation& host)
{
    const std::string key = "VmHWM:";
    const auto status = sdk::os::read_file("/proc/" + std::to_string(host.daemon_pid()) + "/status").value_or("");
    const auto at = status.find(key);
    return at == std::string::npos ? 0 : std::stoull(status.substr(at + key.size())) / 1024;
}

TEST(ContainerImageCompare, HoldsWhatUmociUnpacksOfTheSameImage)
{
    if (::geteuid() != 0)
        GTEST_SKIP() << "needs root to unpack with owners and to mount";
    const Installation host;
    const ContainerRegistry registry(host.home() + "/registry");
    images::testing::OddTree parts;
    parts.long_sparse_file = false;  // umoci writes its 3 GiB out
    ASSERT_TRUE(sdk::os::make_private_directory(host.home() + "/odd"));
    images::testing::make_odd_tree(host.home() + "/odd", parts);
    registry.make("hard", host.home() + "/odd");
    const auto image = registry.push("hard", "hard:1");
    const std::string bundle = host.home() + "/bundle";
    run_script("umoci unpack --image " + registry.layout() + ":hard " + bundle);
    ASSERT_FALSE(HasFailure());

    auto pulled = host.banger({"image", "pull", image});
    ASSERT_EQ(pulled.status, 0) << pulled.err;
    expect_as_umoci_unpacks(host, image, bundle);
    for (const std::string kind : {"busybox", "single"}) {
        registry.make(kind);
        expect_as_umoci_unpacks(host, registry, kind, registry.push(kind, kind + ":1"));
    }

    // The same image as a file, made by another tool.
    const std::string archive = host.home() + "/saved.tar";
    run_script("skopeo --insecure-policy copy --quiet oci:" + registry.layout() + ":hard docker-archive:" + archive +
               ":hard:1");
    auto imported = host.banger({"image", "import", archive, "--name", "local/saved:1"});
    ASSERT_EQ(imported.status, 0) << imported.err;
    expect_as_umoci_unpacks(host, "local/saved:1", bundle);

    CallOptions with_input;
    with_input.input = sdk::os::read_file(archive, 256U << 20U).value_or("");
    auto piped = host.banger({"image", "import", "-", "--name", "local/piped:1"}, with_input);
    ASSERT_EQ(piped.status, 0) << piped.err;
    const auto id_of = [&](const std::string& name) { return json::string_or(host.json({"image", "show", name}), "id"); };
    EXPECT_EQ(id_of("local/piped:1"), id_of("local/saved:1"));

    // Without any layers: the tree itself, and an archive of it.
    const std::string plain = host.home() + "/plain.tar.zst";
    run_script("tar -C " + bundle + "/rootfs --format=posix --xattrs --xattrs-include='*' --numeric-owner --zstd -cf " +
               plain + " .");
    for (const auto& [path, name] : {std::pair(plain, "local/archive:1"), std::pair(bundle + "/rootfs", "local/tree:1")}) {
        auto taken = host.banger({"image", "import", path, "--name", name});
        ASSERT_EQ(taken.status, 0) << taken.err;
        expect_as_umoci_unpacks(host, name, bundle);
    }

    // A layout of what the registry gave is the image that is here already.
    const std::string layout = host.home() + "/solo";
    run_script("skopeo --insecure-policy copy --quiet oci:" + registry.layout() + ":hard oci:" + layout + ":x");
    auto again = host.banger({"image", "import", layout, "--name", "local/layout:1"});
    ASSERT_EQ(again.status, 0) << again.err;
    EXPECT_EQ(id_of("local/layout:1"), id_of(image));

    EXPECT_LE(peak_memory_mib(host), 128U) << "layers are not held in memory";
    EXPECT_GT(peak_memory_mib(host), 0U);

    // What is in it is as it was made, in a machine too.
    const auto run = host.banger({"vm", "run", "--rm", "--image", image, "--", "/busybox", "sh", "-c",
                                  "cd / && /busybox cat linked-above becomes-file/again/f early/new/f; "
                                  "/busybox stat -c '%a %u:%g' keeps; /busybox ls gone late; /busybox stat -c %s sparse"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "lowest linked\nagain\nupper early/new/f\n700 0:0\ngone:\n\nlate:\nkept\nnew\n67108864\n");

    // What was downloaded for it may go.
    const auto would = host.json({"image", "cache", "prune", "--dry-run"});
    EXPECT_GE(json::uint_or(would, "files"), 5U) << "its layers and its configuration";
    const auto went = host.json({"image", "cache", "prune"});
    EXPECT_EQ(json::uint_or(went, "freed_bytes"), json::uint_or(would, "freed_bytes"));
    EXPECT_EQ(json::uint_or(host.json({"image", "cache", "prune"}), "files"), 0U);
    EXPECT_EQ(host.banger({"image", "pull", image}).status, 0) << "it needs none of that";
}

}  // namespace
}  // namespace banger::e2e
