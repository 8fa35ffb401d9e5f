// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Manifests and indexes of both families, and what is neither.
#include "manifest.hpp"

#include <gmock/gmock.h>

#include <string>

namespace banger::oci {
namespace {

using ::testing::HasSubstr;
using sdk::Code;

std::string descriptor(const std::string& type, char digit, const std::string& more = {})
{
    return R"({"mediaType": ")" + type + R"(", "digest": "sha256:)" + std::string(64, digit) + R"(", "size": 5)" + more + "}";
}

std::string manifest_of(const std::string& config_type, const std::string& layer_type)
{
    return R"({"schemaVersion": 2, "config": )" + descriptor(config_type, 'c') + R"(, "layers": [)" + descriptor(layer_type, 'a') +
           "]}";
}

TEST(Manifest, OfBothFamiliesIsRead)
{
    for (const auto& [config, layer] :
         {std::pair{"application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+zstd"},
          std::pair{"application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"}}) {
        const auto parsed = parse_manifest(manifest_of(config, layer), "linux/amd64", "x");
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->manifest.config.digest, "sha256:" + std::string(64, 'c'));
        ASSERT_EQ(parsed->manifest.layers.size(), 1U);
        EXPECT_EQ(parsed->manifest.layers.front().size, 5U);
    }
}

TEST(Manifest, AnIndexOfBothFamiliesLeadsToThePlatform)
{
    for (const std::string family : {"application/vnd.oci.image.manifest.v1+json",
                                     "application/vnd.docker.distribution.manifest.v2+json"}) {
        const std::string index =
            R"({"manifests": [)" + descriptor(family, 'a', R"(, "platform": {"os": "linux", "architecture": "amd64"})") + ", " +
            descriptor(family, 'b', R"(, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"})") + ", " +
            descriptor(family, 'd', R"(, "platform": {"os": "unknown", "architecture": "unknown"})") + "]}";
        for (const auto& [platform, digit] : {std::pair{"linux/amd64", 'a'}, std::pair{"linux/arm64", 'b'}}) {
            const auto parsed = parse_manifest(index, platform, "x");
            ASSERT_TRUE(parsed) << parsed.error().message;
            EXPECT_TRUE(parsed->index);
            EXPECT_EQ(parsed->of_platform.front().digest, "sha256:" + std::string(64, digit));
        }
        const auto none = parse_manifest(index, "linux/riscv64", "image 'x'");
        ASSERT_FALSE(none);
        EXPECT_EQ(none.error().code, Code::unsupported);
        EXPECT_THAT(none.error().message, HasSubstr("image 'x' has nothing for linux/riscv64"));
    }
}

TEST(Manifest, AVariantIsTakenExactlyIfThereIsOne)
{
    const auto of = [](const std::string& architecture, const std::string& variant) {
        return R"(, "platform": {"os": "linux", "architecture": ")" + architecture + (variant.empty() ? "" : R"(", "variant": ")" + variant) + "\"}";
    };
    const std::string index = R"({"manifests": [)" + descriptor("m", '0') + ", " + descriptor("m", '1', of("amd64", "v3")) + ", " +
                              descriptor("m", '2', of("amd64", "")) + ", " + descriptor("m", '3', of("arm", "v6")) + ", " +
                              descriptor("m", '4', of("arm", "v7")) + "]}";
    const auto taken = [&](const std::string& text, const std::string& platform) {
        const auto parsed = parse_manifest(text, platform, "x");
        return parsed ? parsed->of_platform.front().digest.back() : '-';
    };
    EXPECT_EQ(taken(index, "linux/amd64"), '2');
    EXPECT_EQ(taken(index, "linux/amd64/v3"), '1');
    EXPECT_EQ(taken(index, "linux/arm/v7"), '4');
    EXPECT_EQ(taken(index, "linux/s390x"), '0') << "one of no platform fits any";
    const auto only = R"({"manifests": [)" + descriptor("m", '5', of("arm64", "v8")) + "]}";
    EXPECT_EQ(taken(only, "linux/arm64"), '5');
    EXPECT_EQ(taken(only, "linux/arm64/v9"), '-');
    EXPECT_EQ(taken(only, "linux/arm"), '-') << "another architecture, whose name begins so";
}

TEST(Manifest, AConfigurationSaysItsPlatform)
{
    EXPECT_EQ(platform_of(R"({"os": "linux", "architecture": "arm64", "variant": "v8"})", "x"), "linux/arm64/v8");
    EXPECT_EQ(platform_of(R"({"os": "linux", "architecture": "amd64"})", "x"), "linux/amd64");
    for (const char* text : {"{}", "[]", "{", R"({"os": "linux"})"})
        EXPECT_EQ(platform_of(text, "x"), "x") << text;
}

TEST(Manifest, OtherTypesThanFileSystemsAreRefusedByName)
{
    const std::string config = "application/vnd.oci.image.config.v1+json";
    for (const std::string type : {"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/vnd.in-toto+json", "text/plain", "",
                                   "application/vnd.wasm.content.layer.v1+wasm", "application/vnd.cncf.openpolicyagent.policy.layer.v1+rego"}) {
        const auto parsed = parse_manifest(manifest_of(config, type), "linux/amd64", "image 'x'");
        ASSERT_FALSE(parsed) << type;
        EXPECT_EQ(parsed.error().code, Code::unsupported);
        EXPECT_THAT(parsed.error().message, HasSubstr("a layer of the type '" + type + "'"));
    }
    const auto encrypted =
        parse_manifest(manifest_of(config, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), "linux/amd64", "image 'x'");
    ASSERT_FALSE(encrypted);
    EXPECT_THAT(encrypted.error().message, HasSubstr("+encrypted"));
    const auto old = parse_manifest(R"({"schemaVersion": 1, "fsLayers": [], "history": []})", "linux/amd64", "image 'x'");
    ASSERT_FALSE(old);
    EXPECT_EQ(old.error().code, Code::unsupported);
}

TEST(Manifest, WhatIsDamagedIsSaid)
{
    for (const std::string text :
         {"", "{", "[]", "null", R"({"config": {}, "layers": []})", R"({"config": 5, "layers": []})",
          R"({"config": {"digest": "sha256:12", "size": 1}, "layers": []})"}) {
        const auto parsed = parse_manifest(text, "linux/amd64", "x");
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().code, Code::corrupt) << text;
    }
    std::string layers = descriptor("application/vnd.oci.image.layer.v1.tar", 'a');
    for (std::size_t i = 0; i < max_layers; ++i)
        layers += "," + descriptor("application/vnd.oci.image.layer.v1.tar", 'a');
    const auto many = parse_manifest(R"({"config": )" + descriptor("config", 'c') + R"(, "layers": [)" + layers + "]}", "linux/amd64", "x");
    ASSERT_FALSE(many);
    EXPECT_THAT(many.error().message, HasSubstr("more than"));
}

}  // namespace
}  // namespace banger::oci
