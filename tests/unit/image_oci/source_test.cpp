// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Images in files and directories: what is told from what, and what is refused, by name.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "archive.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/digest.hpp"
#include "fake_registry.hpp"
#include "oci_image.hpp"
#include "plain_root.hpp"

namespace banger::oci {
namespace {

using ::testing::HasSubstr;
using testing::FakeRegistry;
using sdk::Code;

class SourceTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        auto made = make_image_source(host, R"({"platform": "linux/amd64"})");
        ASSERT_TRUE(made) << made.error().message;
        source = std::move(*made);
        run("mkdir -p root/etc root/usr/bin scratch && echo ID=x >root/etc/os-release && ln root/etc/os-release root/etc/same "
            "&& printf '#!' >\"root/usr/bin/wei$(printf 'r\\377')d\"");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    void run(const std::string& script)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = host.directory();
        const auto ran = sdk::os::run_checked(std::move(command));
        ASSERT_TRUE(ran) << ran.error().message;
    }
    sdk::Result<sdk::ImageStream> fetch(const std::string& path, const std::string& more = {}, const ArchiveLimits& limits = {})
    {
        const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
        EXPECT_TRUE(sdk::os::remove_tree(at("scratch")));
        EXPECT_TRUE(sdk::os::make_private_directory(at("scratch")));
        return source->fetch({"x", R"({"path": ")" + at(path) + "\"" + more + "}", at("scratch"), output->get(), limits.entries,
                              limits.bytes},
                             call);
    }
    using Sink = std::function<void(int reader, std::string_view piece)>;
    /// Gives what comes through a pipe to whoever reads it, by pieces.
    void stream_into(const Sink& sink, const std::string& path)
    {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
        const sdk::os::UniqueFd reader(ends[0]);
        sdk::os::UniqueFd writer(ends[1]);
        EXPECT_TRUE(sdk::os::make_directories(at("scratch")));
        std::jthread fetching([&] {
            const auto fetched = source->fetch({"x", R"({"path": ")" + at(path) + "\"}", at("scratch"), writer.get()}, call);
            EXPECT_TRUE(fetched) << fetched.error().message;
            writer.reset();
        });
        std::vector<char> piece(77'777);
        for (ssize_t got = 0; (got = ::read(reader.get(), piece.data(), piece.size())) > 0;)
            sink(reader.get(), {piece.data(), static_cast<std::size_t>(got)});
    }
    /// The same as text, from a pipe that its reader enlarges on the way.
    std::string stream_of(const std::string& path)
    {
        std::string stream;
        stream_into(
            [&](int reader, std::string_view piece) {
                stream += piece;
                if (stream.size() > 2'000'000)
                    ::fcntl(reader, F_SETPIPE_SZ, 1 << 20);
            },
            path);
        return stream;
    }
    sdk::Error failure_of(const std::string& path)
    {
        auto fetched = fetch(path);
        EXPECT_FALSE(fetched) << path;
        return fetched ? sdk::Error{} : fetched.error();
    }
    std::string identity_of(const std::string& path)
    {
        auto pinned = fetch(path, R"(, "pin": "now")");
        EXPECT_TRUE(pinned) << pinned.error().message;
        return pinned ? pinned->facts["identity"] : "";
    }
    /// An OCI layout with this one layer, which says to be `digest`.
    void write_layout(const std::string& name, const std::string& layer, const std::string& digest)
    {
        write_layout_without_layer(name, layer.size(), digest);
        ASSERT_TRUE(sdk::os::write_file_atomic(blob_in(name, digest), layer));
    }
    [[nodiscard]] std::string blob_in(const std::string& layout, const std::string& digest) const
    {
        return at(layout) + "/blobs/sha256/" + digest.substr(7);
    }
    void write_layout_without_layer(const std::string& name, std::uint64_t size, const std::string& digest)
    {
        const auto blob = [&](const std::string& bytes) {
            ASSERT_TRUE(sdk::os::make_directories(at(name) + "/blobs/sha256"));
            ASSERT_TRUE(sdk::os::write_file_atomic(blob_in(name, blobs::digest_of(bytes)), bytes));
        };
        const auto entry = [](const std::string& type, const std::string& as, std::uint64_t bytes) {
            return R"({"mediaType": ")" + type + R"(", "digest": ")" + as + R"(", "size": )" + std::to_string(bytes) + "}";
        };
        const std::string config = R"({"config": {"Cmd": ["/x"]}})";
        const auto manifest = R"({"config": )" + entry("config", blobs::digest_of(config), config.size()) + R"(, "layers": [)" +
                              entry("application/vnd.oci.image.layer.v1.tar", digest, size) + "]}";
        blob(config);
        blob(manifest);
        ASSERT_TRUE(sdk::os::write_file_atomic(
            at(name) + "/index.json", R"({"manifests": [)" + entry("manifest", blobs::digest_of(manifest), manifest.size()) + "]}"));
    }

    sdk::testing::FakeHost host;
    std::unique_ptr<sdk::ImageSource> source;
    sdk::testing::FakeCall call;
};

TEST_F(SourceTest, ARootFileSystemIsTakenAsDirectoryAndAsArchive)
{
    run("tar -C root -cf plain.tar . && gzip -k plain.tar");
    for (const char* path : {"root", "plain.tar", "plain.tar.gz"}) {
        auto fetched = fetch(path);
        ASSERT_TRUE(fetched) << fetched.error().message;
        EXPECT_EQ(fetched->format, "tar");
        EXPECT_FALSE(fetched->facts.contains("layers"));
        run("rm -rf back && mkdir back && tar -C back -xf stream 2>/dev/null || tar -C back -xzf stream; diff -r root back");
        struct stat one {};
        struct stat other {};
        ASSERT_EQ(::stat(at("back/etc/same").c_str(), &one), 0);
        ASSERT_EQ(::stat(at("back/etc/os-release").c_str(), &other), 0);
        EXPECT_EQ(one.st_ino, other.st_ino) << "a hard link";
    }
}

TEST_F(SourceTest, AFileSystemInAFileIsTakenWithAllThatIsInIt)
{
    run("export PATH=$PATH:/usr/sbin:/sbin && ln -s /absolute root/link && mkfifo root/fifo && chmod 2750 root/usr && "
        "head -c 300000 /dev/urandom >root/large && touch -d @1234567890 root/large && ln -s $(printf '%0200d' 7) root/long && "
        "truncate -s 16M disk && mke2fs -q -t ext4 -d root disk && "
        "debugfs -w -R 'ea_set /large user.note value' disk 2>/dev/null && e2fsck -fp disk >/dev/null");
    ASSERT_FALSE(HasFailure());
    auto fetched = fetch("disk");
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(fetched->format, "tar");
    run("mkdir back && tar -C back -xf stream && rm root/fifo && test -p back/fifo && rm back/fifo && diff -r --no-dereference root back && "
        "[ \"$(stat -c %a:%h:%i back/etc/same)\" = \"644:2:$(stat -c %i back/etc/os-release)\" ] && "
        "[ $(stat -c %a back/usr) = 2750 ] && [ $(stat -c %Y back/large) = 1234567890 ] && "
        "tar --xattrs --list -vvf stream ./large | grep -q user.note");
    run("head -c 20000 disk >cut");
    EXPECT_EQ(failure_of("cut").code, Code::corrupt);
}

TEST_F(SourceTest, LayersThatAreDamagedUnderARightDigestAreRefused)
{
    run(R"(head -c 300000 /dev/urandom >root/large && tar -C root -cf layer.tar . && gzip -k layer.tar && zstd -q --check layer.tar && xz -1k layer.tar
           for name in gz zst xz; do
               head -c $(($(stat -c %s layer.tar.$name) - 20)) layer.tar.$name >$name-cut
               { cat layer.tar.$name; echo rubbish; } >$name-more
               cp layer.tar.$name $name-flipped && printf '\377\377\377' | dd conv=notrunc status=none bs=1 seek=100000 of=$name-flipped
           done
           cp layer.tar.gz gz-sum && printf '\001\002\003\004' | dd conv=notrunc status=none bs=1 seek=$(($(stat -c %s gz-sum) - 8)) of=gz-sum)");
    ASSERT_FALSE(HasFailure());
    for (const char* name : {"gz-cut", "gz-more", "gz-flipped", "gz-sum", "zst-cut", "zst-more", "zst-flipped", "xz-cut", "xz-more", "xz-flipped"}) {
        const auto bytes = sdk::os::read_file(at(name), 1U << 30U).value_or("");
        write_layout(std::string("of-") + name, bytes, blobs::digest_of(bytes));
        const auto failure = failure_of(std::string("of-") + name);
        EXPECT_EQ(failure.code, Code::corrupt) << name;
        EXPECT_THAT(failure.message, HasSubstr(blobs::digest_of(bytes))) << name;
    }
}

TEST_F(SourceTest, ADirectoryThatIsNoRootIsNotTaken)
{
    run("mkdir project && echo x >project/README");
    const auto failure = failure_of("project");
    EXPECT_EQ(failure.code, Code::invalid);
    EXPECT_THAT(failure.hint, HasSubstr("root file system"));
    EXPECT_EQ(failure_of("nowhere").code, Code::not_found);
    auto pinned = fetch("project", R"(, "pin": "now", "directory": "any")");
    ASSERT_TRUE(pinned) << pinned.error().message;
    EXPECT_THAT(pinned->facts["recipe"], HasSubstr(R"("directory":"any")"));
    const auto fetched = fetch("project", R"(, "directory": "any")");
    ASSERT_TRUE(fetched) << "who says that it is one is believed: " << fetched.error().message;
    run("mkdir back && tar -C back -xf stream && cmp back/README project/README");
}

TEST_F(SourceTest, LayoutsAndArchivesAreKnownByWhatIsInThem)
{
    const std::string layer(1024, '\0');
    write_layout("layout", layer, blobs::digest_of(layer));
    run("cp -r layout moved && tar -C root -cf plain.tar . && cp plain.tar copy.tar");
    EXPECT_EQ(identity_of("layout"), identity_of("moved"));
    EXPECT_EQ(identity_of("plain.tar"), identity_of("copy.tar"));
    EXPECT_THAT(identity_of("plain.tar"), HasSubstr("sha256:"));
    EXPECT_EQ(identity_of("root"), "") << "a tree is another each time";
    run("tar -C layout -cf layout.tar . && tar -C layout -czf bare.tar.gz index.json blobs");
    for (const char* archive : {"layout.tar", "bare.tar.gz"})
        EXPECT_TRUE(*holds_image(at(archive))) << archive;
    EXPECT_FALSE(*holds_image(at("plain.tar")));
    auto fetched = fetch("layout.tar");
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(fetched->facts["layers"], "1");
    EXPECT_EQ(fetched->facts["layer_bytes"], "1024");
    EXPECT_EQ(fetched->facts["execution"], R"({"Cmd":["/x"]})");
}

// More than the source's memory and a pipe hold together, and nothing that comes twice.
std::string long_layer()
{
    std::string bytes;
    for (std::uint64_t number = 0; bytes.size() < 5'000'000; ++number)
        bytes += std::to_string(number * 2654435761U) + "\n";
    bytes.resize(5'000'000 / 512 * 512 + 17);  // without the padding that an archive should have
    return bytes;
}

TEST_F(SourceTest, LayersComeOutAsTheyWereWhateverCompressedThem)
{
    const auto layer = long_layer();
    ASSERT_TRUE(sdk::os::write_file_atomic(at("layer"), layer));
    run("gzip -kc layer >gzip; zstd -qc layer >zstd; xz -0c layer >xz; cp layer plain; "
        "head -c 1000000 layer | gzip -c >members; tail -c +1000001 layer | gzip -c >>members; printf '\\0\\0\\0' >>members");
    ASSERT_FALSE(HasFailure());
    for (const std::string way : {"gzip", "zstd", "xz", "plain", "members"}) {
        const auto blob = *sdk::os::read_file(at(way));
        write_layout("layout-" + way, blob, blobs::digest_of(blob));
        const auto name = blobs::digest_of(blob) + std::string(441, '\0');
        const auto stream = stream_of("layout-" + way);
        ASSERT_GT(stream.size(), 1024U) << way;
        EXPECT_EQ(stream.substr(512, 512), name) << way;
        EXPECT_TRUE(stream.substr(1024) == layer + std::string(495 + 1024, '\0')) << way;
    }
    // As `docker save` has them: known by the digest of what is in them.
    run("mkdir saved && gzip -c layer >saved/layer.tar && echo '{\"rootfs\": {\"diff_ids\": [\"" + blobs::digest_of(layer) +
        "\"]}}' >saved/c.json && echo '[{\"Config\": \"c.json\", \"Layers\": [\"layer.tar\"]}]' >saved/manifest.json");
    EXPECT_TRUE(stream_of("saved").substr(1024) == layer + std::string(495 + 1024, '\0'));
    run("printf x >>layer && gzip -c layer >saved/layer.tar");
    EXPECT_EQ(failure_of("saved").code, Code::corrupt);
}

/// Of a test, which has a process of its own: VmHWM of proc(5), MiB.
std::uint64_t peak_memory_mib()
{
    const std::string key = "VmHWM:";
    const auto status = sdk::os::read_file("/proc/self/status").value_or("");
    const auto at = status.find(key);
    return at == std::string::npos ? 0 : std::stoull(status.substr(at + key.size())) / 1024;
}

TEST_F(SourceTest, ALayerOfAnyLengthTakesNoMoreMemory)
{
    constexpr std::uint64_t length = 256U << 20U;
    constexpr std::uint64_t most_mib = 128;
    static_assert(length > most_mib << 20U);
    // Of zeros: a file without blocks, and members of gzip, which may follow each other (RFC 1952, section 2.2).
    run("truncate -s " + std::to_string(length) + " plain && sha256sum <plain | cut -c 1-64 | tr -d '\\n' >digest && "
        "head -c 1048576 /dev/zero | gzip -9 >member && for i in $(seq 256); do cat member; done >gzip");
    ASSERT_FALSE(HasFailure());
    const std::string plain = "sha256:" + sdk::os::read_file(at("digest")).value_or("");
    write_layout_without_layer("layout-plain", length, plain);
    run("mv plain " + blob_in("layout-plain", plain));
    const auto members = sdk::os::read_file(at("gzip"), 1U << 20U).value_or("");
    write_layout("layout-gzip", members, blobs::digest_of(members));
    for (const char* layout : {"layout-plain", "layout-gzip"}) {
        std::uint64_t came = 0;
        stream_into([&](int /*reader*/, std::string_view piece) { came += piece.size(); }, layout);
        EXPECT_GT(came, length) << layout;
        EXPECT_LE(peak_memory_mib(), most_mib) << layout;
    }
    EXPECT_GT(peak_memory_mib(), 0U);
}

TEST_F(SourceTest, WhatChangedSinceItWasPinnedIsNotTaken)
{
    const std::string layer(1024, '\0');
    const std::string other(2048, '\0');
    const auto write = [&](const std::string& bytes) { write_layout("layout", bytes, blobs::digest_of(bytes)); };
    write(layer);
    run("export PATH=$PATH:/usr/sbin:/sbin && tar -C layout -cf layout.tar . && tar -C root -cf plain.tar . && "
        "truncate -s 16M disk && mke2fs -q -t ext4 -d root disk");
    std::map<std::string, std::string> recipes;
    for (const char* name : {"layout", "layout.tar", "plain.tar", "disk"}) {
        auto pinned = fetch(name, R"(, "pin": "now")");
        ASSERT_TRUE(pinned) << pinned.error().message;
        recipes[name] = pinned->facts["recipe"];
    }
    const auto fetch_pinned = [&](const std::string& name) {
        const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
        EXPECT_TRUE(sdk::os::remove_tree(at("scratch")));
        EXPECT_TRUE(sdk::os::make_private_directory(at("scratch")));
        return source->fetch({"x", recipes[name], at("scratch"), output->get()}, call);
    };
    for (const auto& [name, recipe] : recipes) {
        const auto same = fetch_pinned(name);
        EXPECT_TRUE(same) << name << same.error().message;
    }
    write(other);
    run("rm disk && export PATH=$PATH:/usr/sbin:/sbin && tar -C layout -cf layout.tar . && echo >root/etc/new && tar -C root -cf plain.tar . && "
        "truncate -s 16M disk && mke2fs -q -t ext4 -d root disk");
    for (const auto& [name, recipe] : recipes) {
        const auto changed = fetch_pinned(name);
        ASSERT_FALSE(changed) << name;
        EXPECT_EQ(changed.error().code, Code::busy) << name << changed.error().message;
        EXPECT_THAT(changed.error().message, HasSubstr(at(name)));
    }
}

TEST_F(SourceTest, ALayoutWhoseIndexIsNoneIsRefused)
{
    write_layout("layout", "x", blobs::digest_of("x"));
    run("cd layout && cp $(grep -l layers blobs/sha256/*) index.json");
    const auto failure = failure_of("layout");
    EXPECT_EQ(failure.code, Code::corrupt);
    EXPECT_THAT(failure.message, HasSubstr("index.json is no index"));
}

TEST_F(SourceTest, OtherBytesThanALayersDigestAreRefusedByName)
{
    const std::string layer(1024, '\0');
    write_layout("wrong", layer + "x", blobs::digest_of(layer));
    const auto failure = failure_of("wrong");
    EXPECT_EQ(failure.code, Code::corrupt);
    EXPECT_THAT(failure.message, HasSubstr(blobs::digest_of(layer)));
    write_layout("gone", layer, blobs::digest_of(layer));
    run("rm gone/blobs/sha256/" + blobs::digest_of(layer).substr(7));
    EXPECT_THAT(failure_of("gone").message, HasSubstr(blobs::digest_of(layer).substr(7)));
    write_layout("cut", std::string("\x1f\x8b\x08\x00", 4), blobs::digest_of(std::string("\x1f\x8b\x08\x00", 4)));
    EXPECT_THAT(failure_of("cut").message, HasSubstr("ends in the middle"));
}

TEST_F(SourceTest, SavedImagesThatLeaveTheirArchiveAreRefused)
{
    run(R"(mkdir s && cd s && echo '[{"Config": "../../etc/passwd", "Layers": []}]' >manifest.json && tar -cf ../config.tar manifest.json
           echo '{"rootfs": {"diff_ids": ["sha256:'$(printf %064d 0)'"]}}' >c.json
           echo '[{"Config": "c.json", "Layers": ["/etc/passwd"]}]' >manifest.json && tar -cf ../layer.tar manifest.json c.json
           tar --transform 's,c.json,../c.json,' -Pcf ../entry.tar manifest.json c.json
           ln -s /etc/passwd link && echo '[{"Config": "link", "Layers": []}]' >manifest.json && tar -cf ../link.tar manifest.json link
           head -c 700 ../layer.tar >../cut.tar)");
    for (const char* name : {"config.tar", "layer.tar", "entry.tar"}) {
        EXPECT_EQ(failure_of(name).code, Code::invalid) << name;
        EXPECT_FALSE(sdk::os::exists(host.directory() + "/scratch/c.json")) << name;
    }
    EXPECT_EQ(failure_of("link.tar").code, Code::not_found) << "links are left out";
    EXPECT_EQ(failure_of("cut.tar").code, Code::corrupt);
    run("echo no archive >text");
    EXPECT_EQ(failure_of("text").code, Code::corrupt);
}

TEST_F(SourceTest, AnArchiveOfAnImageIsUnpackedWithinTheLimits)
{
    const std::string layer(1024, '\0');
    write_layout("layout", layer, blobs::digest_of(layer));
    // 16 MiB of zeros in some kilobytes, and in another none of them at all.
    run("truncate -s 16M layout/blobs/sha256/bomb && tar -C layout -czf bomb.tar.gz index.json blobs && tar -C layout -Scf sparse.tar index.json blobs");
    const auto refusal = [&](const std::string& name, const ArchiveLimits& limits) {
        const auto fetched = fetch(name, {}, limits);
        EXPECT_FALSE(fetched) << name;
        return fetched ? sdk::Error{} : fetched.error();
    };
    for (const char* name : {"bomb.tar.gz", "sparse.tar"}) {
        const auto bytes = refusal(name, {1000, 1U << 20U});
        EXPECT_EQ(bytes.code, Code::invalid);
        EXPECT_THAT(bytes.hint, HasSubstr("images.most_bytes"));
        EXPECT_FALSE(sdk::os::exists(at("scratch/archive/blobs/sha256/bomb"))) << name;
        EXPECT_THAT(refusal(name, {3, 1U << 30U}).hint, HasSubstr("images.most_entries"));
        const auto fetched = fetch(name, {}, {1000, 17U << 20U});
        EXPECT_TRUE(fetched) << name << fetched.error().message;
    }
}

TEST_F(SourceTest, AnArchiveWithHolesIsWhatItWas)
{
    std::string layer(1U << 20U, '\0');
    layer.replace(600'000, 4, "data");
    write_layout("layout", layer, blobs::digest_of(layer));
    run("fallocate -d layout/blobs/sha256/" + blobs::digest_of(layer).substr(7) + " && tar -C layout -Scf sparse.tar index.json blobs");
    struct stat status {};
    ASSERT_EQ(::stat(at("sparse.tar").c_str(), &status), 0);
    ASSERT_LT(status.st_size, 1 << 20) << "tar found no holes";
    const auto fetched = fetch("sparse.tar");
    EXPECT_TRUE(fetched) << fetched.error().message;
}

TEST_F(SourceTest, WhatAManifestSaysToBeTooLargeIsNotDownloaded)
{
    const FakeRegistry registry({"layer", "another"});
    const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
    const auto fetch_within = [&](std::uint64_t bytes) {
        return source->fetch({"x", R"({"reference": ")" + registry.reference() + "\"}", at("scratch"), output->get(), 10, bytes}, call);
    };
    const auto refused = fetch_within(11);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::invalid);
    EXPECT_THAT(refused.error().hint, HasSubstr("images.most_bytes"));
    EXPECT_EQ(registry.server.requests_for("/blobs/").size(), 1U) << "the configuration";
    EXPECT_TRUE(fetch_within(12));
}

TEST_F(SourceTest, NoFileStartsAProgram)
{
    // What libarchive would give to grzip, lzop and lrzip.
    run(R"(mkdir bin && for name in grzip lzop lrzip; do
               printf '#!/bin/sh\ntouch %s/started\n' "$PWD" >bin/$name && chmod 755 bin/$name; done
           { printf 'GRZipII\000\002\004:)'; head -c 4096 /dev/zero; } >one
           { printf '\211LZO\000\r\n\032\n'; head -c 4096 /dev/zero; } >two
           { printf 'LRZI\000\006'; head -c 4096 /dev/zero; } >three)");
    const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): before any other thread
    ::setenv("PATH", (at("bin") + ":" + path).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    for (const char* name : {"one", "two", "three"}) {
        EXPECT_EQ(failure_of(name).code, Code::corrupt) << name;
        EXPECT_FALSE(unpack(at(name), at("scratch"), {}, call)) << name;
        EXPECT_FALSE(sdk::os::exists(at("started"))) << name;
    }
}

TEST_F(SourceTest, AMachinesDisksAreOneRootWithoutItsKey)
{
    if (!sdk::os::find_program("qemu-img"))
        GTEST_SKIP() << "needs qemu-img";
    run("export PATH=$PATH:/usr/sbin:/sbin && mkdir -p root/root home/.ssh && echo under >root/root/hidden && echo note >home/note && "
        "printf 'ssh-rsa theirs\\nssh-ed25519 ours\\n' >home/.ssh/authorized_keys && chmod 700 home/.ssh && ln home/note home/same && "
        "truncate -s 16M root.ext4 work.ext4 && mke2fs -q -t ext4 -d root root.ext4 && mke2fs -q -t ext4 -d home work.ext4 && "
        "qemu-img create -q -f qcow2 -b work.ext4 -F raw work.qcow2 && cp root.ext4 unclean.ext4 && "
        "debugfs -w -R 'feature needs_recovery' unclean.ext4 >/dev/null 2>&1");
    ASSERT_FALSE(HasFailure());
    const auto fetch_disks = [&](const std::string& root, const std::string& work, const std::string& format) {
        const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
        EXPECT_TRUE(sdk::os::remove_tree(at("scratch")));
        EXPECT_TRUE(sdk::os::make_private_directory(at("scratch")));
        const auto recipe = R"({"root": {"path": ")" + at(root) + R"(", "format": "raw"}, "work": {"path": ")" + at(work) +
                            R"(", "format": ")" + format + R"("}, "client_key": "ssh-ed25519 ours", "execution": "{}", "stamp": "1"})";
        return source->fetch({"x", recipe, at("scratch"), output->get()}, call);
    };
    for (const auto& [work, format] : {std::pair{"work.ext4", "raw"}, std::pair{"work.qcow2", "qcow2"}}) {
        const auto fetched = fetch_disks("root.ext4", work, format);
        ASSERT_TRUE(fetched) << fetched.error().message;
        EXPECT_EQ(fetched->format, "tar");
        EXPECT_EQ(fetched->facts.at("execution"), "{}");
        run("rm -rf back && mkdir back && tar -C back -xf stream && test ! -e back/root/hidden && diff -r root/etc back/etc && "
            "cmp back/root/note home/note && [ $(stat -c %h back/root/same) = 2 ] && [ $(stat -c %a back/root/.ssh) = 700 ] && "
            "[ \"$(cat back/root/.ssh/authorized_keys)\" = 'ssh-rsa theirs' ]");
    }
    const auto unclean = fetch_disks("unclean.ext4", "work.ext4", "raw");
    ASSERT_FALSE(unclean);
    EXPECT_EQ(unclean.error().code, Code::corrupt);
    EXPECT_THAT(unclean.error().hint, HasSubstr("banger vm stop"));
    const auto strange = fetch_disks("root.ext4", "work.ext4", "vmdk");
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error().code, Code::unsupported);
    run("export PATH=$PATH:/usr/sbin:/sbin && echo 'ssh-ed25519 ours' >home/.ssh/authorized_keys && rm work.ext4 && "
        "truncate -s 16M work.ext4 && mke2fs -q -t ext4 -d home work.ext4");
    ASSERT_TRUE(fetch_disks("root.ext4", "work.ext4", "raw"));
    run("rm -rf back && mkdir back && tar -C back -xf stream && test -d back/root/.ssh && test ! -e back/root/.ssh/authorized_keys");
}

TEST_F(SourceTest, MirrorsAreAskedBeforeTheirRegistry)
{
    const FakeRegistry mirror({"layer"});
    auto made = make_image_source(host, R"({"platform": "linux/amd64", "stall_seconds": 1, "mirrors": {"127.0.0.9:9": ["127.0.0.9:8", ")" +
                                            mirror.server.address() + R"("]}})");
    ASSERT_TRUE(made) << made.error().message;
    const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
    const auto fetch_from = [&](const std::string& registry) {
        return (*made)->fetch({"x", R"({"reference": ")" + registry + R"(/made/here:1"})", at("scratch"), output->get()}, call);
    };
    const auto fetched = fetch_from("127.0.0.9:9");
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(fetched->facts.at("layers"), "1");
    EXPECT_THAT(call.warnings(), ::testing::ElementsAre(HasSubstr("mirror 127.0.0.9:8 is left out")));
    EXPECT_FALSE(fetch_from("127.0.0.9:7")) << "another registry's";
}

TEST_F(SourceTest, WhatAMirrorLacksComesFromItsRegistry)
{
    const FakeRegistry mirror({"layer", "another"}, [](const testing::Request& request, testing::Reply& reply) {
        const bool lacks = request.path.ends_with(blobs::digest_of("another"));
        if (lacks)
            reply.send(404, "{}");
        return lacks;
    });
    const FakeRegistry registry({"layer", "another"});
    auto made = make_image_source(host, R"({"platform": "linux/amd64", "mirrors": {")" + registry.server.address() + R"(": [")" +
                                            mirror.server.address() + R"("]}})");
    ASSERT_TRUE(made) << made.error().message;
    const auto output = sdk::os::open_file(at("stream"), O_WRONLY | O_CREAT | O_TRUNC);
    const auto fetched = (*made)->fetch({"x", R"({"reference": ")" + registry.reference() + "\"}", at("scratch"), output->get()}, call);
    ASSERT_TRUE(fetched) << fetched.error().message;
    EXPECT_EQ(fetched->facts.at("layers"), "2");
    EXPECT_THAT(call.warnings(), ::testing::ElementsAre(HasSubstr("registry " + registry.server.address() + " is asked, since registry " +
                                                                  mirror.server.address() + " has not got the blob")));
    ASSERT_EQ(registry.server.requests().size(), 1U) << "and nothing else of it";
    EXPECT_TRUE(registry.server.requests().front().path.ends_with(blobs::digest_of("another")));
}

}  // namespace
}  // namespace banger::oci
