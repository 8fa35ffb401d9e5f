// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images and kernels that somebody made, registered, built, published and taken by others: machines of them.
#include <gmock/gmock.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/container_registry.hpp"
#include "tests/e2e/installation.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// A root file system with nothing but one program, in a file: another tool's ext4, with a journal and two owners.
void make_root_file(const std::string& directory)
{
    run_script("cd " + directory + R"( && mkdir -p tree/etc tree/root && cp /bin/busybox tree/busybox
        ln tree/busybox tree/again && ln -s busybox tree/link && printf 'ID=mine\n' >tree/etc/os-release
        echo 'from the file' >tree/root/note && chmod 4711 tree/again
        export PATH=$PATH:/usr/sbin:/sbin
        truncate -s 64M rootfs.ext4 && mke2fs -q -t ext4 -d tree rootfs.ext4)");
}

// What Debian's cloud kernel is made with, of what is looked for in it.
constexpr const char* configuration =
    "CONFIG_BLK_DEV_INITRD=y\nCONFIG_BINFMT_ELF=y\nCONFIG_TMPFS=y\nCONFIG_DEVTMPFS=y\nCONFIG_ACPI=y\n"
    "CONFIG_SERIAL_8250_CONSOLE=y\nCONFIG_EXT4_FS=y\nCONFIG_VIRTIO_PCI=m\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_NET=m\n"
    "CONFIG_VIRTIO_CONSOLE=m\n";

// What machine "a" holds is an image, without what makes it that machine, and others are made from it.
void expect_promoted(const Installation& host)
{
    const auto written = host.banger({"vm", "exec", "a", "--", "/busybox", "sh", "-c",
                                      "echo ours >/etc/ours; echo home >/root/ours; /busybox mknod /etc/null c 1 3; "
                                      "/busybox rm /link; /busybox head -c 3000000 /dev/urandom >/etc/large; "
                                      "/busybox sha256sum /etc/large"});
    ASSERT_EQ(written.status, 0) << written.err;
    const auto running = host.banger({"image", "promote", "a"});
    EXPECT_EQ(running.status, 1);
    EXPECT_THAT(running.err, HasSubstr("is only promoted while stopped"));
    ASSERT_EQ(host.banger({"vm", "stop", "a"}).status, 0);
    const auto promoted = host.banger({"image", "promote", "a"});
    ASSERT_EQ(promoted.status, 0) << promoted.err;
    EXPECT_EQ(promoted.out, "local/a is kept\n");
    const auto image = host.json({"image", "show", "local/a"});
    EXPECT_TRUE(json::bool_or(image, "kept"));
    EXPECT_EQ(json::string_or(image, "kernel"), "local-mine-1");
    EXPECT_EQ(json::uint_or(image, "disk_bytes"), 2ULL << 30U);
    const auto layers = host.home() + "/state/images/" + json::string_or(image, "id");
    for (const char* layer : {"/root.ext4", "/work.ext4"})
        EXPECT_TRUE(images::testing::is_clean(layers + layer));
    EXPECT_THAT(images::testing::file_in(layers + "/root.ext4", "/etc/machine-id"), Not(HasSubstr("\n")));
    EXPECT_THAT(images::testing::file_in(layers + "/work.ext4", "/.ssh/authorized_keys"), Not(HasSubstr("ssh-")));

    const auto run = host.banger({"vm", "run", "--rm", "--image", "local/a", "--name", "b", "--", "/busybox", "sh", "-c",
                                  "/busybox sha256sum /etc/large; /busybox cat /etc/ours /root/ours /root/note /etc/hostname; "
                                  "/busybox stat -c '%F %t:%T' /etc/null; /busybox stat -c '%a %h' /again; test -e /link"});
    EXPECT_EQ(run.status, 1) << run.err;
    EXPECT_EQ(run.out, written.out + "ours\nhome\nfrom the file\nb\ncharacter special file 1:3\n4711 2\n");
}

// An image goes when no machine uses it and what had its name means another.
void expect_pruned(const Installation& host)
{
    run_script("cd " + host.home() + " && export PATH=$PATH:/usr/sbin:/sbin && cp rootfs.ext4 next.ext4 && "
               "debugfs -w -R 'rm /link' next.ext4 2>/dev/null");
    ASSERT_EQ(host.banger({"image", "register", host.home() + "/next.ext4", "--name", "local/mine:1"}).status, 0);
    const auto count = [&](const json::Document& list) { return json::find(list, "images")->Size(); };
    EXPECT_EQ(count(host.json({"image", "prune", "--dry-run"})), 0U) << "machine a stands on the older one";
    ASSERT_EQ(host.banger({"vm", "delete", "a"}).status, 0);
    const auto would = host.banger({"image", "prune", "--dry-run"});
    EXPECT_THAT(would.out, HasSubstr("no name leads to it"));
    const auto unasked = host.banger({"image", "prune"});
    EXPECT_EQ(unasked.status, 1);
    EXPECT_THAT(unasked.err, HasSubstr("no terminal to ask on"));
    const auto gone = host.banger({"image", "prune", "--force"});
    EXPECT_EQ(gone.status, 0) << gone.err;
    EXPECT_THAT(gone.out, HasSubstr("1 image is deleted, "));
    EXPECT_EQ(count(host.json({"image", "prune", "--dry-run"})), 0U);
    EXPECT_THAT(host.banger({"image", "prune", "--all", "--dry-run"}).out, Not(HasSubstr("local/"))) << "those are kept";
    EXPECT_EQ(host.banger({"image", "show", "local/mine:1"}).status, 0);
}

TEST(OwnImage, ARegisteredRootBootsWithTheKernelThatCameWithIt)
{
    const Installation host;
    make_root_file(host.home());
    ASSERT_TRUE(sdk::os::write_file_atomic(host.home() + "/config", configuration));
    ASSERT_FALSE(HasFailure());
    const auto kernel = host.home() + "/state/kernels/" + json::string_or(host.json({"kernel", "show", "debian-cloud"}), "id");
    const auto version = json::string_or(host.json({"kernel", "show", "debian-cloud"}), "version");
    ASSERT_TRUE(sdk::os::write_file_atomic(host.home() + "/lacking", std::string(configuration).substr(0, 60)));
    const std::vector<std::string> with_kernel{"image", "register", host.home() + "/rootfs.ext4", "--name", "local/mine:1",
                                               "--vmlinux", kernel + "/vmlinux", "--modules", kernel + "/modules/" + version,
                                               "--size", "2G", "--config"};
    auto lacking = with_kernel;
    lacking.push_back(host.home() + "/lacking");
    const auto refused = host.banger(lacking);
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("lacks what a machine needs"));
    EXPECT_THAT(refused.err, HasSubstr("CONFIG_ACPI"));
    auto good = with_kernel;
    good.push_back(host.home() + "/config");
    const auto registered = host.banger(good);
    ASSERT_EQ(registered.status, 0) << registered.err;
    EXPECT_EQ(registered.out, "local/mine:1 is here, with kernel local-mine-1\n");

    const auto run = host.banger({"vm", "run", "--name", "a", "--image", "local/mine:1", "--", "/busybox", "sh", "-c",
                                  "/busybox cat /root/note; /busybox stat -c '%a %h' /again; /busybox readlink /link; "
                                  "/busybox uname -r"});
    EXPECT_EQ(run.status, 0) << run.err << host.banger({"vm", "logs", "a"}).out;
    EXPECT_EQ(run.out, "from the file\n4711 2\nbusybox\n" + version + "\n");
    EXPECT_EQ(shown(host, "a", "kernel"), "local-mine-1");
    EXPECT_EQ(json::uint_or(host.json({"vm", "show", "a"}), "disk_bytes"), 2ULL << 30U);
    const auto in_use = host.banger({"kernel", "delete", "local-mine-1"});
    EXPECT_THAT(in_use.err, HasSubstr("is in use by vm 'a'"));
    expect_clean(host);

    expect_promoted(host);
    expect_pruned(host);
}

TEST(OwnImage, APublishedImageIsSomebodyElsesByName)
{
    const Installation host;
    make_root_file(host.home());
    ASSERT_FALSE(HasFailure());
    ASSERT_EQ(host.banger({"image", "register", host.home() + "/rootfs.ext4", "--name", "local/mine:1"}).status, 0);
    const auto site = host.home() + "/site";
    const auto published = host.banger({"image", "publish", "local/mine:1", site, "--name", "mine"});
    ASSERT_EQ(published.status, 0) << published.err;
    const auto kernel = host.banger({"kernel", "publish", "debian-cloud", site, "--name", "theirs"});
    ASSERT_EQ(kernel.status, 0) << kernel.err;
    run_script("cd " + site + " && ssh-keygen -q -t ed25519 -N '' -f ../key && "
               "ssh-keygen -q -Y sign -n banger-catalogue -f ../key catalogue.json 2>/dev/null");
    auto key = sdk::os::read_file(host.home() + "/key.pub").value_or("");
    key.resize(key.find('\n'));

    const Installation other("[[plugin.image-catalog.catalogues]]\nlocation = \"" + site + "/catalogue.json\"\nkey = \"" +
                             key + "\"\n");
    const auto list = other.banger({"image", "list", "--available"});
    EXPECT_THAT(list.out, HasSubstr("mine "));
    EXPECT_THAT(list.out, Not(HasSubstr("debian-bookworm-minimal"))) << "that is here already";
    EXPECT_THAT(other.banger({"kernel", "list", "--available"}).out, HasSubstr("theirs "));
    const auto run =
        other.banger({"vm", "run", "--rm", "--image", "mine", "--kernel", "theirs", "--", "/busybox", "cat", "/root/note"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "from the file\n");
    EXPECT_EQ(json::string_or(other.json({"kernel", "show", "theirs"}), "state"), "pulled");
    expect_clean(other);
}

TEST(OwnImage, ADockerfileIsBuiltByTheBuilderOfTheHost)
{
    if (::geteuid() != 0 || !sdk::os::find_program("buildah"))
        GTEST_SKIP() << "needs root and buildah";
    const Installation host;
    run_script("mkdir " + host.home() + "/context && cd " + host.home() + "/context && cp /bin/busybox . && "
               "printf 'FROM scratch\\nCOPY busybox /busybox\\nCMD [\"/busybox\", \"echo\", \"built\"]\\n' >Dockerfile");
    CallOptions alone;
    alone.environment = {{"STORAGE_DRIVER", "vfs"}};
    const auto built = host.banger({"image", "build", host.home() + "/context", "--name", "local/built:1"}, alone);
    ASSERT_EQ(built.status, 0) << built.err;
    EXPECT_EQ(built.out, "local/built:1 is here\n");
    EXPECT_THAT(json::find_fields(host.json({"image", "show", "local/built:1"}), "facts").at("execution"), HasSubstr("built"));

    CallOptions without;
    without.environment = {{"PATH", host.home()}};
    const auto nobody = host.banger({"image", "build", host.home() + "/context", "--name", "local/built:2"}, without);
    EXPECT_EQ(nobody.status, 1);
    EXPECT_THAT(nobody.err, HasSubstr("no program on this host that builds container images"));
}

}  // namespace
}  // namespace banger::e2e
