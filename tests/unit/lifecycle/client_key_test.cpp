// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/client_key.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>

#include "banger/sdk/os/process.hpp"
#include "core/lifecycle/operation.hpp"
#include "core/lifecycle/ssh_keys.hpp"
#include "engine_world.hpp"

namespace banger::lifecycle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

mode_t mode_of(const std::string& path)
{
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777U;
}

/// A host on which there is no ssh-keygen.
class WithoutPrograms {
public:
    WithoutPrograms() { ::setenv("PATH", "/none", 1); }
    WithoutPrograms(const WithoutPrograms&) = delete;
    WithoutPrograms& operator=(const WithoutPrograms&) = delete;
    ~WithoutPrograms() { ::setenv("PATH", path_.c_str(), 1); }

private:
    const std::string path_ = std::getenv("PATH");
};

class ClientKeyTest : public EngineWorld {
protected:
    ClientKeyTest() : EngineWorld({"fakes"}), engine(fresh()) {}

    [[nodiscard]] std::string below(const std::string& name) const { return directory_.path() + "/" + name; }
    void use(const std::string& path) { config_.daemon.ssh_key_path = {path, config::Origin::file, "/c.toml:7"}; }
    sdk::Error refusal()
    {
        const auto key = client_key(*engine, operation);
        EXPECT_FALSE(key);
        return key ? sdk::Error() : key.error();
    }

    std::unique_ptr<Engine> engine;
    Operation operation{"test", nullptr};
};

TEST_F(ClientKeyTest, IsMadeBesideTheConfigurationForNobodyElse)
{
    const auto path = client_key(*engine, operation);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(*path, below("ssh/id_ed25519"));
    EXPECT_EQ(mode_of(*path), 0600U);
    EXPECT_EQ(mode_of(below("ssh")), 0700U);
    const auto line = client_public_key(*engine);
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_THAT(*line, StartsWith("ssh-ed25519 "));
    EXPECT_EQ(*client_key(*engine, operation), *path);
    EXPECT_EQ(*client_public_key(*engine), *line) << "it was made again";
}

TEST_F(ClientKeyTest, OneWithoutItsOtherHalfIsGivenIt)
{
    const auto path = client_key(*engine, operation);
    ASSERT_TRUE(path);
    const auto key = sdk::os::read_file(*path);
    const auto line = client_public_key(*engine);
    ASSERT_TRUE(key && line);
    ASSERT_TRUE(sdk::os::remove_file(*path + ".pub"));
    EXPECT_FALSE(client_public_key(*engine));
    {
        const WithoutPrograms none;
        EXPECT_FALSE(client_key(*engine, operation));
    }
    EXPECT_EQ(*sdk::os::read_file(*path), *key) << "machines let no other in";
    const auto again = client_key(*engine, operation);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*sdk::os::read_file(*path), *key);
    EXPECT_EQ(*client_public_key(*engine), *line);
}

TEST_F(ClientKeyTest, OneThatWasRestoredForAllToReadIsClosedAndKept)
{
    const auto path = client_key(*engine, operation);
    ASSERT_TRUE(path);
    const auto key = sdk::os::read_file(*path);
    const auto line = client_public_key(*engine);
    ASSERT_TRUE(key && line);
    for (const bool whole : {false, true}) {
        ASSERT_EQ(::chmod(path->c_str(), 0644), 0);
        if (!whole) {
            ASSERT_TRUE(sdk::os::remove_file(*path + ".pub"));
        }
        ASSERT_TRUE(client_key(*engine, operation));
        EXPECT_EQ(*sdk::os::read_file(*path), *key) << "machines let no other in";
        EXPECT_EQ(*client_public_key(*engine), *line);
        EXPECT_EQ(mode_of(*path), 0600U) << "ssh takes it from nobody else";
    }
}

TEST_F(ClientKeyTest, WhatIsNoKeyIsMadeAgainAndKept)
{
    const auto path = client_key(*engine, operation);
    ASSERT_TRUE(path);
    for (const auto& [text, kept] : {std::pair{"cut o", ".unusable"}, {"cut of", ".unusable-2"}}) {
        ASSERT_TRUE(sdk::os::write_file_atomic(*path, text));
        ASSERT_TRUE(sdk::os::remove_file(*path + ".pub"));
        ASSERT_TRUE(client_key(*engine, operation));
        EXPECT_EQ(*sdk::os::read_file(*path + kept), text);
    }
    EXPECT_EQ(mode_of(*path), 0600U);
    EXPECT_EQ(*client_public_key(*engine), *public_half(*path));
    EXPECT_FALSE(sdk::os::exists(*path + ".new") || sdk::os::exists(*path + ".new.pub"));
}

TEST_F(ClientKeyTest, OneOfAnEarlierBangerIsUsedOn)
{
    const std::string earlier = below("state/ssh/id_ed25519");
    ASSERT_TRUE(sdk::os::make_private_directory(below("state/ssh")));
    ASSERT_TRUE(make_ssh_key(earlier, "banger"));
    const auto path = client_key(*engine, operation);
    ASSERT_TRUE(path);
    EXPECT_EQ(*path, earlier);
    EXPECT_FALSE(sdk::os::exists(below("ssh/id_ed25519")));
    ASSERT_TRUE(sdk::os::remove_file(earlier + ".pub"));
    EXPECT_EQ(*client_key(*engine, operation), earlier);
    EXPECT_TRUE(sdk::os::exists(earlier + ".pub"));
}

TEST_F(ClientKeyTest, TheUsersOwnIsOnlyRead)
{
    ASSERT_TRUE(make_ssh_key(below("mine"), "me"));
    ASSERT_TRUE(sdk::os::remove_file(below("mine.pub")));
    use(below("mine"));
    EXPECT_EQ(*client_key(*engine, operation), below("mine"));
    EXPECT_THAT(*client_public_key(*engine), StartsWith("ssh-ed25519 "));
    EXPECT_FALSE(sdk::os::exists(below("mine.pub")));
    EXPECT_FALSE(sdk::os::exists(below("ssh")));
}

TEST_F(ClientKeyTest, OneThatCannotBeUsedIsNamedWithItsLine)
{
    use(below("none"));
    EXPECT_EQ(refusal().code, sdk::Code::not_found);
    EXPECT_THAT(refusal().message, StartsWith("/c.toml:7: ssh_key_path in [daemon] names " + below("none") + ", "));

    use("~somebody/key");
    EXPECT_THAT(refusal().message, HasSubstr("names ~somebody/key, which is not there"));

    use(below("state"));
    EXPECT_EQ(refusal().code, sdk::Code::invalid);

    ASSERT_TRUE(sdk::os::write_file_atomic(below("text"), "no key\n"));
    use(below("text"));
    EXPECT_EQ(refusal().code, sdk::Code::invalid);
    EXPECT_FALSE(client_public_key(*engine));

    ASSERT_TRUE(make_ssh_key(below("open"), "me"));
    ASSERT_EQ(::chmod(below("open").c_str(), 0640), 0);
    use(below("open"));
    EXPECT_EQ(refusal().code, sdk::Code::permission);
    EXPECT_THAT(refusal().hint, HasSubstr("chmod 600 "));

    sdk::os::Command locked;
    locked.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", below("locked")};
    ASSERT_TRUE(sdk::os::run_checked(locked));
    use(below("locked"));
    EXPECT_EQ(refusal().code, sdk::Code::invalid);
    EXPECT_THAT(refusal().message, HasSubstr("passphrase"));
}

}  // namespace
}  // namespace banger::lifecycle
