// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/image_source_contract.hpp"
#include "banger/sdk/testing/kernel_source_contract.hpp"

#include "apt.hpp"
#include "debian_image.hpp"
#include "debian_kernel.hpp"

namespace banger::sdk::testing {
namespace {

// One package without dependencies, without a shell: enough to go through every step.
constexpr const char* tiny_image = R"({
    "suite": "bookworm", "variant": "extract", "packages": ["busybox-static"], "scratch_mib": 300,
    "customize": {"links": {"/sbin/init": "/bin/busybox"}}})";
constexpr const char* cloud_kernel = R"({"suite": "bookworm", "package": "linux-image-cloud-amd64"})";

// Asked once: whether Debian's mirror answers from here.
std::string why_no_mirror()
{
    static const std::string reason = []() -> std::string {
        FakeHost host;
        FakeCall call;
        const debian::Config config;
        const auto apt = debian::PrivateApt::create(host.directory() + "/apt", {}, config);
        if (!apt)
            return apt.error().message;
        const auto sources = debian::sources_of({"bookworm", {"main"}, {}}, config);
        const auto date = debian::newest_release(*apt, sources, host.directory(), call);
        return date ? "" : date.error().message;
    }();
    return reason;
}

template <typename Source>
std::string why_not(Source source)
{
    FakeCall call;
    const auto probe = source->probe(call);
    return !probe ? probe.error().message : !probe->usable ? probe->reason : why_no_mirror();
}

INSTANTIATE_TEST_SUITE_P(Debian, ImageSourceContract,
                         ::testing::Values(ImageSourceUnderTest{
                             "debian",
                             [](Host&) { return debian::make_image_source({}); },
                             tiny_image,
                             {R"x({"suite": "bookworm", "packages": ["$(reboot)"]})x"},
                             [] { return why_not(debian::make_image_source({})); }}));

INSTANTIATE_TEST_SUITE_P(Debian, KernelSourceContract,
                         ::testing::Values(KernelSourceUnderTest{
                             "debian",
                             [](Host&) { return debian::make_kernel_source({}); },
                             cloud_kernel,
                             {R"({"suite": "bookworm"})"},
                             [] { return why_not(debian::make_kernel_source({})); }}));

class DebianKernelTest : public KernelSourceContract {};

// Where the mirror keeps the package of the cloud kernel, and its digest.
Result<std::pair<std::string, std::string>> package_on_the_mirror(const std::string& scratch)
{
    FakeCall call;
    const debian::Config config;
    const auto sources = debian::sources_of({"bookworm", {"main"}, {}}, config);
    auto apt = debian::PrivateApt::create(scratch, sources, config);
    if (!apt)
        return std::move(apt).error();
    if (auto updated = apt->run({"apt-get", "update"}, call, std::chrono::minutes(2)); !updated)
        return std::move(updated).error();
    // The package with the version in its name is the one that holds a kernel.
    auto found = apt->run({"apt-cache", "depends", "linux-image-cloud-amd64"}, call, std::chrono::minutes(1));
    if (!found)
        return std::move(found).error();
    const auto at = found->out.find("linux-image-", found->out.find("Depends:"));
    const auto name = found->out.substr(at, found->out.find_first_of(" \n", at) - at);
    auto shown = apt->run({"apt-cache", "show", "--no-all-versions", name}, call, std::chrono::minutes(1));
    if (!shown)
        return std::move(shown).error();
    return std::pair{config.mirror + "/" + debian::control_field(shown->out, "Filename"),
                     debian::control_field(shown->out, "SHA256")};
}

TEST_P(DebianKernelTest, APackageByAddressAndDigestGivesTheSameKernelAndAWrongDigestNone)
{
    const FakeHost scratch;
    const auto package = package_on_the_mirror(scratch.directory() + "/apt");
    ASSERT_TRUE(package) << package.error().message;
    const auto recipe = [&](const std::string& digest) {
        return R"({"url": ")" + package->first + R"(", "sha256": ")" + digest + R"("})";
    };
    FakeCall call;
    const auto bundle = source->fetch({"by-address", recipe(package->second), directory()}, call);
    ASSERT_TRUE(bundle) << bundle.error().message;
    EXPECT_NE(package->first.find(bundle->version), std::string::npos) << bundle->version;
    EXPECT_TRUE(os::exists(directory() + "/" + bundle->vmlinux));
    EXPECT_TRUE(os::exists(directory() + "/" + bundle->modules + "/" + bundle->version + "/modules.dep"));
    ASSERT_TRUE(os::remove_tree(directory()));
    ASSERT_TRUE(os::make_private_directory(directory()));
    const auto wrong = source->fetch({"by-address", recipe(std::string(64, '0')), directory()}, call);
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().code, Code::internal) << wrong.error().message;
    EXPECT_FALSE(os::exists(directory() + "/vmlinux"));
}

INSTANTIATE_TEST_SUITE_P(Debian, DebianKernelTest,
                         ::testing::Values(KernelSourceUnderTest{
                             "debian",
                             [](Host&) { return debian::make_kernel_source({}); },
                             cloud_kernel,
                             {},
                             [] { return why_not(debian::make_kernel_source({})); }}));

class DebianImageTest : public ImageSourceContract {};

TEST_P(DebianImageTest, TheSameMirrorGivesTheSameBytesInMemoryAndOnDisk)
{
    FakeCall call;
    std::vector<std::string> streams;
    for (const auto scratch : {debian::Scratch::memory, debian::Scratch::disk}) {
        debian::Config config;
        config.scratch = scratch;
        source = debian::make_image_source(config);
        ASSERT_TRUE(os::make_private_directory(directory()));
        const auto stream = fetch(GetParam().recipe, call);
        ASSERT_TRUE(stream) << stream.error().message;
        streams.push_back(*os::read_file(stream_path()));
        ASSERT_TRUE(os::remove_tree(directory()));
    }
    EXPECT_TRUE(streams[0] == streams[1]);
}

TEST_P(DebianImageTest, AMissingPackageIsSaidByName)
{
    FakeCall call;
    const auto stream =
        fetch(R"({"suite": "bookworm", "variant": "extract", "packages": ["no-such-package-at-all"]})", call);
    ASSERT_FALSE(stream);
    EXPECT_EQ(to_string(stream.error().code), "invalid") << stream.error().message;
    EXPECT_NE(stream.error().message.find("no-such-package-at-all"), std::string::npos) << stream.error().message;
    expect_nothing_left(directory());
}

INSTANTIATE_TEST_SUITE_P(Debian, DebianImageTest,
                         ::testing::Values(ImageSourceUnderTest{
                             "debian",
                             [](Host&) { return debian::make_image_source({}); },
                             tiny_image,
                             {},
                             [] { return why_not(debian::make_image_source({})); }}));

}  // namespace
}  // namespace banger::sdk::testing
