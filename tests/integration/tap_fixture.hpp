// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"
#include "tap_network.hpp"
#include "tests/integration/guest.hpp"

namespace banger::tap {

inline constexpr const char* on_the_internet = "203.0.113.7";  // documentation addresses (RFC 5737): nobody's, so ours in here
inline constexpr const char* private_host = "10.77.0.1";
inline constexpr const char* metadata = "169.254.169.254";

class HostOfAUser : public sdk::testing::FakeHost {
public:
    [[nodiscard]] uid_t user() const override { return served; }

    uid_t served = ::geteuid();
};

/// This program as a host, in a network namespace of its own; guests and the outside have one each.
class Tap : public ::testing::Test {
protected:
    void SetUp() override
    {
        if (::unshare(CLONE_NEWNET) != 0)
            GTEST_SKIP() << "no network namespace can be made here";
        said({"ip", "link", "set", "lo", "up"});
        config.pool = 2;
        reopen();
        const auto probe = network->probe(call);
        ASSERT_TRUE(probe);
        if (!probe->usable)
            GTEST_SKIP() << probe->reason;
    }
    void TearDown() override
    {
        if (network == nullptr)
            return;
        for (const auto& handle : network->list().value_or({}))
            EXPECT_TRUE(network->release(handle));
        network.reset();
        EXPECT_THAT(said({"ip", "-br", "link"}), ::testing::Not(::testing::HasSubstr(host.instance())));
        EXPECT_THAT(said({"nft", "list", "tables"}), ::testing::Not(::testing::HasSubstr(host.instance())));
    }

    void reopen()
    {
        network.reset();
        network = make_network(host, config);
    }
    // Beyond the host: addresses of the internet, of a private network, and where clouds have metadata.
    void make_outside()
    {
        const auto here = std::to_string(::getpid());
        outside.run([&] {
            said({"ip", "link", "add", "down0", "type", "veth", "peer", "name", "up0"});
            said({"ip", "link", "set", "up0", "netns", here});
        });
        said({"ip", "address", "add", "198.51.100.1/24", "dev", "up0"});
        said({"ip", "link", "set", "up0", "up"});
        outside.run([&] {
            said({"ip", "address", "add", "198.51.100.2/24", "dev", "down0"});
            said({"ip", "link", "set", "down0", "up"});
            for (const char* address : {on_the_internet, private_host, metadata}) {
                said({"ip", "address", "add", std::string(address) + "/32", "dev", "lo"});
            }
            service = Guest::listen_on("0.0.0.0");
        });
        said({"ip", "route", "add", "default", "via", "198.51.100.2"});
    }
    sdk::LinkSpec new_spec(sdk::Egress egress = sdk::Egress::internet) { return {host.new_owner(), egress, "link:tap"}; }
    /// Connected as well.
    sdk::Attached<sdk::Link> must_attach(const sdk::LinkSpec& spec)
    {
        auto attached = network->attach(spec, call);
        EXPECT_TRUE(attached) << attached.error().message;
        if (!attached)
            return {};
        const auto connected = network->connect(attached->handle, call);
        EXPECT_TRUE(connected) << connected.error().message;
        return *attached;
    }
    void expect_refused(sdk::Code code, const std::string& words)
    {
        reopen();
        const auto attached = network->attach(new_spec(), call);
        ASSERT_FALSE(attached);
        EXPECT_EQ(sdk::to_string(attached.error().code), sdk::to_string(code)) << attached.error().message;
        EXPECT_THAT(attached.error().message, ::testing::HasSubstr(words));
        EXPECT_FALSE(attached.error().hint.empty());
        EXPECT_TRUE(network->list()->empty());
    }
    static void take_mounts_of_its_own()
    {
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    }
    [[nodiscard]] std::string tap_prefix() const { return "b" + host.instance() + "-"; }
    static std::string address_in(const sdk::Link& link) { return link.address.substr(0, link.address.find('/')); }

    HostOfAUser host;
    sdk::testing::FakeCall call;
    Config config;
    std::unique_ptr<sdk::Network> network;
    Namespace outside;
    sdk::os::UniqueFd service;
};

}  // namespace banger::tap
