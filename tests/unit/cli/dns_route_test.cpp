// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/dns_route.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::cli {
namespace {

using ::testing::HasSubstr;

const NameServer server{"127.0.0.1", 42069, "vm"};
constexpr auto done = [] { return sdk::Result<void>(); };
constexpr auto fails = [] { return sdk::Result<void>(sdk::make_error(sdk::Code::unavailable, "no systemd")); };

class RouteTest : public ::testing::Test {
protected:
    [[nodiscard]] std::string expected_path() const
    {
        return root.path() + "/etc/systemd/resolved.conf.d/banger-0123abcd.conf";
    }
    sdk::testing::TemporaryDirectory root;
};

TEST_F(RouteTest, IsInstalledAgainAndUninstalled)
{
    for (int i = 0; i < 2; ++i) {
        const auto path = install_route(root.path(), "0123abcd", server, done);
        ASSERT_TRUE(path) << path.error().message;
        EXPECT_EQ(*path, expected_path());
    }
    const auto text = sdk::os::read_file(expected_path());
    ASSERT_TRUE(text);
    EXPECT_THAT(*text, HasSubstr("\n[Resolve]\nDNS=127.0.0.1:42069\nDomains=~vm\n"));
    struct stat status {};
    ASSERT_EQ(::stat(expected_path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0644U);
    EXPECT_EQ(*uninstall_route(root.path(), "0123abcd", done), expected_path());
    EXPECT_FALSE(sdk::os::exists(expected_path()));
    EXPECT_EQ(*uninstall_route(root.path(), "0123abcd", done), "");
}

TEST_F(RouteTest, OneThatTheResolverDoesNotReadIsTakenBack)
{
    const auto refused = install_route(root.path(), "0123abcd", server, fails);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "no systemd");
    EXPECT_FALSE(sdk::os::exists(expected_path()));

    ASSERT_TRUE(install_route(root.path(), "0123abcd", server, done));
    const auto before = *sdk::os::read_file(expected_path());
    EXPECT_FALSE(install_route(root.path(), "0123abcd", {"127.0.0.2", 53, "test"}, fails));
    EXPECT_EQ(*sdk::os::read_file(expected_path()), before);

    EXPECT_FALSE(uninstall_route(root.path(), "0123abcd", fails));
    EXPECT_FALSE(sdk::os::exists(expected_path())) << "whoever wants out is out, at the resolver's next start";
}

TEST_F(RouteTest, WhatIsPrintedIsWhatIsInstalled)
{
    const auto path = install_route(root.path(), "0123abcd", server, done);
    ASSERT_TRUE(path) << path.error().message;
    const auto recipe = route_recipe(Resolver::resolved, server, "0123abcd");
    EXPECT_THAT(recipe, HasSubstr("# " + path->substr(root.path().size()) + " "));
    EXPECT_TRUE(recipe.ends_with(*sdk::os::read_file(*path)));
}

TEST_F(RouteTest, AFileOfSomebodyElsesStays)
{
    ASSERT_TRUE(sdk::os::make_directories(root.path() + "/etc/systemd/resolved.conf.d"));
    ASSERT_TRUE(sdk::os::write_file_atomic(expected_path(), "[Resolve]\nDNS=10.0.0.1\n", 0644));
    const auto installed = install_route(root.path(), "0123abcd", server, done);
    ASSERT_FALSE(installed);
    EXPECT_EQ(installed.error().code, sdk::Code::exists);
    const auto removed = uninstall_route(root.path(), "0123abcd", done);
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, sdk::Code::precondition);
    EXPECT_EQ(*sdk::os::read_file(expected_path()), "[Resolve]\nDNS=10.0.0.1\n");
}

TEST_F(RouteTest, EachResolverIsToldAddressPortAndZone)
{
    for (const auto& name : resolver_names()) {
        const auto resolver = resolver_from_string(name);
        ASSERT_TRUE(resolver) << name;
        const auto recipe = route_recipe(*resolver, {"127.0.0.2", 53, "test"}, "0123abcd");
        EXPECT_THAT(recipe, HasSubstr("127.0.0.2")) << name;
        if (*resolver != Resolver::resolv) {
            EXPECT_THAT(recipe, HasSubstr("53")) << name;
            EXPECT_THAT(recipe, HasSubstr("test")) << name;
        }
    }
    EXPECT_THAT(route_recipe(Resolver::resolved, {"::1", 42069, "vm"}, "0123abcd"), HasSubstr("DNS=[::1]:42069\n"));
    EXPECT_FALSE(resolver_from_string("bind"));
}

}  // namespace
}  // namespace banger::cli
