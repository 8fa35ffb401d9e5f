// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Kernels in bundles: what one store writes another takes, from a server and from a file, and nothing else is taken.
#include <gmock/gmock.h>

#include <atomic>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "blobs/digest.hpp"
#include "bundle.hpp"
#include "catalog_kernel.hpp"
#include "catalogues.hpp"
#include "core/images/bundle.hpp"
#include "core/images/kernel_store.hpp"
#include "core/images/published_catalogue.hpp"
#include "kernel_files.hpp"
#include "tests/unit/image_oci/loopback_server.hpp"
#include "tests/unit/image_store/store_test_support.hpp"

namespace banger::catalog {
namespace {

using namespace testing;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using oci::testing::LoopbackServer;
using oci::testing::Reply;
using oci::testing::Request;
using sdk::Code;

class KernelBundleTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        write("vmlinux", vmlinux());
        write("config", good_configuration);
        run("mkdir -p published out modules/kernel/drivers/virtio && cd modules && head -c 9000 /dev/urandom >kernel/drivers/virtio/virtio.ko "
            "&& head -c 9000 /dev/urandom >kernel/drivers/other.ko "
            "&& printf 'kernel/drivers/virtio/virtio.ko:\\nkernel/drivers/other.ko:\\n' >modules.dep");
    }
    [[nodiscard]] std::string at(const std::string& name) const { return host.directory() + "/" + name; }
    void write(const std::string& name, const std::string& text) { ASSERT_TRUE(sdk::os::write_file_atomic(at(name), text)); }
    void run(const std::string& script)
    {
        sdk::os::Command command;
        command.argv = {"sh", "-ec", script};
        command.directory = host.directory();
        const auto ran = sdk::os::run_checked(std::move(command));
        ASSERT_TRUE(ran) << ran.error().message;
    }
    std::unique_ptr<images::KernelStore> store(const std::string& name, const images::Catalogue& catalogue)
    {
        return std::make_unique<images::KernelStore>(
            at(name), catalogue, [this](const std::string&) -> sdk::Result<sdk::KernelSource*> { return source_.get(); });
    }
    /// The kernel "mine", imported from files.
    images::Kernel imported(const std::string& modules = "modules")
    {
        auto kernel = store("kernels", plain)->import(
            {"mine", at("vmlinux"), modules.empty() ? "" : at(modules), at("config"), "quiet"}, call);
        EXPECT_TRUE(kernel) << kernel.error().message;
        return kernel.value_or({});
    }
    images::Bundle publish(const images::Kernel& kernel)
    {
        auto bundle = images::write_bundle(kernel, "mine", at("published"), call);
        EXPECT_TRUE(bundle) << bundle.error().message;
        return bundle.value_or({});
    }
    /// Of an archive that tar(1) makes of the files of a good bundle, unpacked in "made", by this script.
    std::string why_not(const std::string& script)
    {
        run("rm -rf made bad.tar.zst out && mkdir made out && tar -C made --zstd -xf published/*.tar.zst && cd made && "
            "chmod -R u+w . && " + script);
        const auto bytes = sdk::os::read_file(at("bad.tar.zst")).value_or("");
        auto taken = unpack_kernel_bundle({at("bad.tar.zst"), blobs::digest_of(bytes), 1ULL << 30}, at("out"), call);
        EXPECT_FALSE(taken) << script;
        EXPECT_THAT(sdk::os::list_directory(at("out")).value_or({}), IsEmpty()) << script;
        if (taken)
            return {};
        EXPECT_EQ(sdk::to_string(taken.error().code), "corrupt") << taken.error().message;
        return taken.error().message;
    }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
    const images::Catalogue plain = images::testing::catalogue();

private:
    std::unique_ptr<sdk::KernelSource> source_ = [this] {
        auto options = read_options("{}", host.cache_directory()).value_or({});
        options.patience.first_wait = std::chrono::milliseconds(1);
        return make_kernel_source(options);
    }();
};

TEST_F(KernelBundleTest, IsPulledByNameFromACatalogueAndIsTheSameKernel)
{
    const auto kernel = imported();
    const auto bundle = publish(kernel);
    EXPECT_EQ(bundle.file, "mine-" + bundle.digest.substr(7) + ".tar.zst");
    EXPECT_EQ(publish(kernel).digest, bundle.digest) << "the same kernel, the same bundle";
    ASSERT_TRUE(images::add_to_catalogue(bundle, at("published"), call));

    const auto bytes = sdk::os::read_file(at("published/" + bundle.file)).value_or("");
    std::atomic<int> asked = 0;
    const LoopbackServer server([&](const Request& request, Reply& reply) {
        const auto range = request.headers.find("range");
        if (asked++ == 0)
            reply.send_part(200, bytes, bytes.size() / 2);
        else if (range != request.headers.end())
            reply.send(206, bytes.substr(std::stoull(range->second.substr(6))));
    });
    const auto placed = with_places(sdk::os::read_file(at("published/catalogue.json")).value_or(""),
                                    "http://" + server.address() + "/catalogue.json");
    ASSERT_TRUE(placed) << placed.error().message;
    images::Catalogue catalogue = plain;
    const auto left_out = catalogue.add(*placed);
    ASSERT_TRUE(left_out) << left_out.error().message;
    ASSERT_THAT(*left_out, IsEmpty());
    EXPECT_EQ(catalogue.kernel("mine")->description, "Linux 6.1.7-mine");

    auto others = store("others", catalogue);
    const auto pulled = others->pull("mine", call);
    ASSERT_TRUE(pulled) << pulled.error().message;
    EXPECT_EQ(asked, 2) << "it is resumed where it was cut";
    EXPECT_EQ(pulled->version, "6.1.7-mine");
    EXPECT_EQ(pulled->command_line, "quiet");
    EXPECT_EQ(pulled->facts.at("digest"), bundle.digest);
    run("cmp " + pulled->vmlinux + " vmlinux && cmp " + pulled->configuration + " config && cmp " + pulled->modules_disk + " " +
        kernel.modules_disk + " && diff -r " + pulled->modules_directory + " " + kernel.modules_directory);
    EXPECT_TRUE(images::testing::is_clean(pulled->modules_disk));
    // The same bytes in a file are the same kernel, and have a name already.
    const auto again = others->import({"again", at("published/" + bundle.file), {}, {}, {}}, call);
    ASSERT_FALSE(again);
    EXPECT_THAT(again.error().message, HasSubstr("called 'mine'"));
}

TEST_F(KernelBundleTest, AFileOfOneIsImportedAsWhatItIs)
{
    run("sed -i 's/=m$/=y/' config");  // what has no modules has everything in itself
    const auto bundle = publish(imported(""));
    const auto path = at("published/" + bundle.file);
    EXPECT_EQ(images::bundle_in(path), images::BundleOf::kernel);
    auto others = store("others", plain);
    const auto taken = others->import({"theirs", path, {}, {}, {}}, call);
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(taken->name, "theirs");
    EXPECT_EQ(taken->version, "6.1.7-mine");
    EXPECT_EQ(taken->facts.at("imported_from"), path);
    EXPECT_TRUE(taken->modules_disk.empty());
    EXPECT_THAT(images::testing::names_in(at("others/" + taken->id)), ElementsAre("config", "kernel.json", "vmlinux"));
    const auto with_more = others->import({"more", path, at("modules"), {}, {}}, call);
    ASSERT_FALSE(with_more);
    EXPECT_EQ(with_more.error().code, Code::invalid);
    run("cp published/*.tar.zst published/x-" + std::string(64, '0') + ".tar.zst");
    const auto misnamed = others->import({"x", at("published/x-" + std::string(64, '0') + ".tar.zst"), {}, {}, {}}, call);
    ASSERT_FALSE(misnamed);
    EXPECT_THAT(misnamed.error().message, HasSubstr("is not the bundle that its name says"));
}

TEST_F(KernelBundleTest, WhatItLacksIsSaidByName)
{
    publish(imported());
    run("mkdir made && tar -C made --zstd -xf published/*.tar.zst && cd made && chmod -R u+w . && "
        "sed -i 's/^CONFIG_ACPI=.*//; s/^CONFIG_VIRTIO_BLK=.*//' config && "
        "tar --format=posix --zstd -cf ../lacking.tar.zst manifest.json config vmlinux modules.ext4 modules");
    const auto lacking = store("others", plain)->import({"mine", at("lacking.tar.zst"), {}, {}, {}}, call);
    ASSERT_FALSE(lacking);
    EXPECT_EQ(lacking.error().code, Code::corrupt) << "directories are no members: " << lacking.error().message;
    run("cd made && tar --format=posix --zstd -cf ../lacking.tar.zst manifest.json config vmlinux modules.ext4 "
        "$(find modules -type f)");
    const auto refused = store("others", plain)->import({"mine", at("lacking.tar.zst"), {}, {}, {}}, call);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::unsupported);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("ACPI (CONFIG_ACPI)"), HasSubstr("virtio disks (CONFIG_VIRTIO_BLK)")));
    EXPECT_THAT(images::testing::names_in(at("others")), IsEmpty());
}

TEST_F(KernelBundleTest, AnythingElseIsRefusedByName)
{
    publish(imported());
    const std::string rest = " config vmlinux modules.ext4 $(find modules -type f)";
    const std::string tar = "tar --format=posix --zstd -cf ../bad.tar.zst ";
    EXPECT_THAT(why_not("touch extra && " + tar + "manifest.json extra" + rest), HasSubstr("holds 'extra'"));
    EXPECT_THAT(why_not(tar + "manifest.json vmlinux modules.ext4 $(find modules -type f)"), HasSubstr("has no config"));
    EXPECT_THAT(why_not(tar + "manifest.json config vmlinux $(find modules -type f)"), HasSubstr("has no modules.ext4"));
    EXPECT_THAT(why_not(tar + "manifest.json config vmlinux modules.ext4"), HasSubstr("modules.dep"));
    EXPECT_THAT(why_not("mkdir modules/other && touch modules/other/x && " + tar + "manifest.json" + rest),
                HasSubstr("none of its kernel's"));
    EXPECT_THAT(why_not("ln -s /etc/passwd modules/6.1.7-mine/link && " + tar + "manifest.json" + rest +
                        " modules/6.1.7-mine/link"), HasSubstr("no regular file"));
    EXPECT_THAT(why_not("touch up && " + tar + "manifest.json" + rest + " --transform 's,^up$,modules/../../up,' -P up"),
                HasSubstr("which no bundle has"));
    EXPECT_THAT(why_not("sed -i 's/\"kind\"/\"other\"/' manifest.json && " + tar + "manifest.json" + rest),
                HasSubstr("no kernel's"));
    EXPECT_THAT(why_not("sed -i 's,6.1.7-mine,../6.1.7,' manifest.json && " + tar + "manifest.json" + rest), HasSubstr("no kernel's"));
    EXPECT_THAT(why_not("sed -i 's/true/false/' manifest.json && " + tar + "manifest.json" + rest), HasSubstr("none of its kernel's"));
    EXPECT_THAT(why_not(tar + "manifest.json" + rest + " && truncate -s -100 ../bad.tar.zst"), HasSubstr("is damaged"));
}

TEST_F(KernelBundleTest, OneOfAnUnknownConfigurationIsNotHandedOn)
{
    auto kernel = imported();
    kernel.configuration.clear();
    const auto bundle = images::write_bundle(kernel, "mine", at("published"), call);
    ASSERT_FALSE(bundle);
    EXPECT_EQ(bundle.error().code, Code::unsupported);
    EXPECT_THAT(sdk::os::list_directory(at("published")).value_or({}), IsEmpty());
}

}  // namespace
}  // namespace banger::catalog
