// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "banger/sdk/testing/fake_host.hpp"
#include "banger/sdk/testing/image_source_contract.hpp"
#include "banger/sdk/testing/kernel_source_contract.hpp"
#include "blobs/digest.hpp"
#include "catalog_image.hpp"
#include "catalog_kernel.hpp"

namespace banger::sdk::testing {
namespace {

// A bundle, and what the kernel source needs of a kernel, made once for all tests.
const std::string& files()
{
    static const TemporaryDirectory directory;  // gone at the end of whatever runs, also where tests are only listed
    static const std::string path = [] {
        const std::string script =
            "cd " + directory.path() +
            " && export PATH=$PATH:/usr/sbin:/sbin && echo '{\"version\": 1, \"facts\": {\"os_id\": \"x\"}}' >manifest.json"
            " && truncate -s 4M rootfs.ext4 work.ext4 && mke2fs -q rootfs.ext4 && mke2fs -q work.ext4"
            " && tar --format=posix --zstd -cf bundle.tar.zst manifest.json rootfs.ext4 work.ext4"
            " && printf '\\177ELF\\2\\0Linux version 6.1.0-x (gcc) \\0' >vmlinux && echo CONFIG_ACPI=y >config"
            " && mkdir -p modules/6.1.0-x/kernel && touch modules/6.1.0-x/modules.dep modules/6.1.0-x/kernel/a.ko"
            " && mkdir kernel && cp -r vmlinux config modules kernel && cp work.ext4 kernel/modules.ext4 && cd kernel"
            " && echo '{\"version\": 1, \"kind\": \"kernel\", \"release\": \"6.1.0-x\", \"has_modules\": true, \"facts\": {}}' >manifest.json"
            " && tar --format=posix --zstd -cf ../kernel.tar.zst manifest.json config vmlinux modules.ext4"
            " modules/6.1.0-x/modules.dep modules/6.1.0-x/kernel/a.ko";
        return std::system(("(" + script + ") >/dev/null 2>&1").c_str()) == 0 ? directory.path() : std::string();  // NOLINT
    }();
    return path;
}

std::string bundle_recipe(const std::string& file)
{
    const auto bundle = os::read_file(files() + "/" + file).value_or("");
    return R"({"bundle": ")" + files() + "/" + file + R"(", "digest": ")" + blobs::digest_of(bundle) +
           R"(", "size": )" + std::to_string(bundle.size()) + "}";
}

catalog::Options options_for(Host& host)
{
    return catalog::read_options(R"({"most_bytes": 1000000000})", host.cache_directory()).value_or({});
}

std::string why_not()
{
    return files().empty() ? "tar, zstd or mke2fs is missing here" : "";
}

INSTANTIATE_TEST_SUITE_P(
    Catalog, ImageSourceContract,
    ::testing::Values(ImageSourceUnderTest{
        "catalog",
        [](Host& host) { return catalog::make_image_source(options_for(host)); },
        bundle_recipe("bundle.tar.zst"),
        {R"({"bundle": "relative", "digest": "sha256:0", "size": 1})", R"({})", R"({"bundle": "/x"})",
         R"({"bundle": "http://example.org/x", "size": 1, "digest": "sha256:)" + std::string(64, '0') + "\"}",
         R"({"catalogues": "now", "bundle": "/x"})"},
        why_not,
        true}));

const std::vector<std::string> bad_kernel_recipes{
    R"({"path": "relative"})", R"({})", R"({"bundle": "/x"})",
    R"({"bundle": "http://example.org/x", "size": 1, "digest": "sha256:)" + std::string(64, '0') + "\"}",
    R"({"bundle": "/x", "path": "/y"})"};

INSTANTIATE_TEST_SUITE_P(
    Bundle, KernelSourceContract,
    ::testing::Values(KernelSourceUnderTest{
        "catalog_bundle", [](Host& host) { return catalog::make_kernel_source(options_for(host)); },
        bundle_recipe("kernel.tar.zst"), bad_kernel_recipes, why_not}));

INSTANTIATE_TEST_SUITE_P(
    Catalog, KernelSourceContract,
    ::testing::Values(KernelSourceUnderTest{
        "catalog",
        [](Host& host) { return catalog::make_kernel_source(options_for(host)); },
        R"({"path": ")" + files() + R"(/vmlinux", "config": ")" + files() + R"(/config", "modules": ")" + files() + R"(/modules"})",
        bad_kernel_recipes,
        why_not}));

}  // namespace
}  // namespace banger::sdk::testing
