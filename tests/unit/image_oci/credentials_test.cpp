// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Whose password is taken, of those that the files of Podman and Docker have.
#include "credentials.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::oci {
namespace {

class CredentialsTest : public ::testing::Test {
protected:
    void SetUp() override
    {
        for (const char* name : {"REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR"})
            ::unsetenv(name);  // NOLINT(concurrency-mt-unsafe): before any other thread
        set("HOME", at("home"));
    }
    [[nodiscard]] std::string at(const std::string& name) const { return directory.path() + "/" + name; }
    static void set(const char* name, const std::string& value)
    {
        ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
    void write(const std::string& name, const std::string& text)
    {
        ASSERT_TRUE(sdk::os::make_directories(at(name).substr(0, at(name).rfind('/'))));
        ASSERT_TRUE(sdk::os::write_file_atomic(at(name), text));
    }
    /// "NAME:x" for registry r:5000, as `podman login` and `docker login` write it.
    static std::string file_for(const std::string& base64) { return R"({"auths": {"r:5000": {"auth": ")" + base64 + "\"}}}"; }
    std::string found(const std::string& registry = "r:5000", const std::string& repository = "a/b")
    {
        return credentials_for(registry, repository, call).value_or("none");
    }

    sdk::testing::TemporaryDirectory directory;
    sdk::testing::FakeCall call;
};

TEST_F(CredentialsTest, ComeFromTheFirstFileThatHasThem)
{
    EXPECT_EQ(found(), "none");
    write("home/.docker/config.json", file_for("ZG9ja2VyOng="));  // docker:x
    EXPECT_EQ(found(), "docker:x");
    write("elsewhere/config.json", file_for("ZWxzZXdoZXJlOng="));  // elsewhere:x
    set("DOCKER_CONFIG", at("elsewhere"));
    EXPECT_EQ(found(), "elsewhere:x");
    write("home/.config/containers/auth.json", file_for("cG9kbWFuOng="));  // podman:x
    EXPECT_EQ(found(), "podman:x");
    write("run/containers/auth.json", file_for("cnVubmluZzp4"));  // running:x
    set("XDG_RUNTIME_DIR", at("run"));
    EXPECT_EQ(found(), "running:x");
    write("named.json", file_for("bmFtZWQ6eA=="));  // named:x
    set("REGISTRY_AUTH_FILE", at("named.json"));
    EXPECT_EQ(found(), "named:x");
    EXPECT_EQ(found("other:5000"), "none");
    write("named.json", "{");
    EXPECT_EQ(found(), "running:x") << "one that is none has nothing";
}

TEST_F(CredentialsTest, OfTheLongestNamespaceGoBeforeTheRegistrys)
{
    // registry:x, team:x, one:x
    write("home/.config/containers/auth.json", R"({"auths": {"r:5000": {"auth": "cmVnaXN0cnk6eA=="}, "r:5000/team": {"auth": "dGVhbTp4"},
        "r:5000/team/one": {"auth": "b25lOng="}}})");
    EXPECT_EQ(found("r:5000", "team/one"), "one:x");
    EXPECT_EQ(found("r:5000", "team/two/deep"), "team:x");
    EXPECT_EQ(found("r:5000", "teams/one"), "registry:x");
    EXPECT_EQ(found("r:5000", "library"), "registry:x");
    EXPECT_EQ(found("r", "team/one"), "none");
}

TEST_F(CredentialsTest, OfARegistryMayBeFiledUnderItsInterface)
{
    for (const std::string key : {"https://r:5000", "https://r:5000/v1/", "http://r:5000/v2/"}) {
        write("home/.docker/config.json", R"({"auths": {")" + key + R"(": {"auth": "ZG9ja2VyOng="}}})");  // docker:x
        EXPECT_EQ(found(), "docker:x") << key;
    }
    write("home/.docker/config.json", R"({"auths": {"r:5000": {"auth": "ZG9ja2VyOng=", "identitytoken": "t"}}})");
    EXPECT_EQ(found(), "none") << "an identity token is no password";
}

TEST_F(CredentialsTest, OfDockerHubAreFiledUnderItsOldName)
{
    write("home/.docker/config.json", R"({"auths": {"https://index.docker.io/v1/": {"auth": "aHViOng="}}})");  // hub:x
    EXPECT_EQ(found("docker.io"), "hub:x");
    EXPECT_EQ(found("ghcr.io"), "none");
}

}  // namespace
}  // namespace banger::oci
