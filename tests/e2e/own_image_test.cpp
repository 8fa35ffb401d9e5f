// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images and kernels that somebody made, registered, built, published and taken by others: machines of them.
#include <gmock/gmock.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "tests/e2e/container_registry.hpp"
#include "tests/e2e/installation.hpp"

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
    run_script("cd " + site + " && ssh-keygen -q -t ed25519 -N '' -f ../key && "
               "ssh-keygen -q -Y sign -n banger-catalogue -f ../key catalogue.json 2>/dev/null");
    auto key = sdk::os::read_file(host.home() + "/key.pub").value_or("");
    key.resize(key.find('\n'));

    const Installation other("[[plugin.image-catalog.catalogues]]\nlocation = \"" + site + "/catalogue.json\"\nkey = \"" +
                             key + "\"\n");
    const auto list = other.banger({"image", "list", "--available"});
    EXPECT_THAT(list.out, HasSubstr("mine "));
    EXPECT_THAT(list.out, Not(HasSubstr("debian-bookworm-minimal"))) << "that is here already";
    const auto run = other.banger({"vm", "run", "--rm", "--image", "mine", "--", "/busybox", "cat", "/root/note"});
    EXPECT_EQ(run.status, 0) << run.err;
    EXPECT_EQ(run.out, "from the file\n");
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
