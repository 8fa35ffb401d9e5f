// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// References as Docker's users write them.
#include "reference.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace banger::oci {
namespace {

const std::string digest = "sha256:" + std::string(64, 'a');

// registry repository manifest
std::string parsed(const std::string& text)
{
    const auto reference = parse_reference(text);
    return reference ? reference->registry + " " + reference->repository + " " + reference->manifest()
                     : std::string(sdk::to_string(reference.error().code));
}

TEST(Reference, IsReadAsDockerReadsIt)
{
    EXPECT_EQ(parsed("alpine"), "docker.io library/alpine latest");
    EXPECT_EQ(parsed("alpine:3.20"), "docker.io library/alpine 3.20");
    EXPECT_EQ(parsed("bitnami/redis:7"), "docker.io bitnami/redis 7");
    EXPECT_EQ(parsed("docker.io/library/alpine"), "docker.io library/alpine latest");
    EXPECT_EQ(parsed("index.docker.io/alpine"), parsed("docker.io/alpine"));
    EXPECT_EQ(parsed("ghcr.io/owner/deep/name:v1.0-rc_1"), "ghcr.io owner/deep/name v1.0-rc_1");
    EXPECT_EQ(parsed("localhost/x"), "localhost x latest");
    EXPECT_EQ(parsed("localhost:5000/x:y"), "localhost:5000 x y");
    EXPECT_EQ(parsed("registry.lan:5000/team/x"), "registry.lan:5000 team/x latest");
    EXPECT_EQ(parsed("[::1]:5000/x:1"), "[::1]:5000 x 1");
    EXPECT_EQ(parsed("alpine@" + digest), "docker.io library/alpine " + digest);
    EXPECT_EQ(parsed("alpine:3.20@" + digest), "docker.io library/alpine " + digest) << "the digest counts";
}

TEST(Reference, OnesThatAreNoneAreRefused)
{
    for (const auto& text : std::vector<std::string>
         {"", ":", "@", "a:", "a@", "a:b:c", "UPPER/a", "a/../b", "a//b", "/a", "a/", "-a", "a b", "a\n", "a@sha256:12",
          "a@md5:" + std::string(32, 'a'), "a:" + std::string(129, 't'), "a:.x", "host:port/a"})
        EXPECT_EQ(parsed(text), "invalid") << "'" << text << "'";
}

TEST(Reference, OnlyThisMachineIsSpokenToWithoutTls)
{
    for (const char* here : {"localhost/x", "localhost:5000/x", "127.0.0.1:5000/x", "127.3.2.1/x", "[::1]:5000/x"})
        EXPECT_TRUE(parse_reference(here)->loopback()) << here;
    for (const char* there : {"x", "example.org/x", "127.0.0.1.example.org/x", "localhost.example.org/x", "10.0.0.1:5000/x"})
        EXPECT_FALSE(parse_reference(there)->loopback()) << there;
}

}  // namespace
}  // namespace banger::oci
