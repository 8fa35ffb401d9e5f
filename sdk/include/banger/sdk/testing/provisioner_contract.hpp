// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "banger/sdk/provisioner.hpp"
#include "banger/sdk/testing/fake_guest.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A provision/0 provider for the contract, configured so that it has something to do.
struct ProvisionerUnderTest {
    std::string name;                                         ///< what tests are called after
    std::function<std::unique_ptr<Provisioner>(Host&)> open;  ///< a fresh provider, as after a restart of the daemon
};

inline std::ostream& operator<<(std::ostream& out, const ProvisionerUnderTest& provisioner)
{
    return out << provisioner.name;
}

/// What every provision/0 provider promises. Instantiate for each provider and each fake:
///     INSTANTIATE_TEST_SUITE_P(Fake, ProvisionerContract, ::testing::Values(ProvisionerUnderTest{...}));
class ProvisionerContract : public ::testing::TestWithParam<ProvisionerUnderTest> {
protected:
    void SetUp() override
    {
        provisioner = GetParam().open(host);
        ASSERT_NE(provisioner, nullptr);
        request = {host.new_owner(), "web", {}};
    }
    Result<void> gather_and_apply()
    {
        auto gathered = provisioner->gather(request, call);
        if (!gathered)
            return std::move(gathered).error();
        request.gathered = std::move(*gathered);
        return provisioner->apply(request, guest, call);
    }

    FakeHost host;
    FakeCall call;
    FakeGuest guest;
    ProvisionRequest request;
    std::unique_ptr<Provisioner> provisioner;
};

TEST_P(ProvisionerContract, ProbeIsUsable)
{
    const auto probe = provisioner->probe(call);
    ASSERT_TRUE(probe) << probe.error().message;
    EXPECT_TRUE(probe->usable) << probe->reason;
    EXPECT_FALSE(probe->reason.empty());
}

TEST_P(ProvisionerContract, ApplyingTwiceIsApplyingOnce)
{
    const auto applied = gather_and_apply();
    ASSERT_TRUE(applied) << applied.error().message;
    EXPECT_FALSE(guest.files().empty() && guest.commands().empty());
    const auto files = guest.files();
    const auto directories = guest.directories();
    const auto links = guest.links();
    provisioner = GetParam().open(host);
    EXPECT_TRUE(gather_and_apply());
    EXPECT_EQ(guest.files(), files);
    EXPECT_EQ(guest.directories(), directories);
    EXPECT_EQ(guest.links(), links);
}

TEST_P(ProvisionerContract, AGuestThatFailsIsReportedAndCanBeTriedAgain)
{
    guest.fail_next(make_error(Code::unavailable, "the guest does not answer"));
    const auto applied = gather_and_apply();
    ASSERT_FALSE(applied);
    EXPECT_EQ(to_string(applied.error().code), to_string(Code::unavailable)) << applied.error().message;
    EXPECT_TRUE(gather_and_apply());
}

TEST_P(ProvisionerContract, ACancelledApplyTouchesNothing)
{
    request.gathered = provisioner->gather(request, call).value_or({});
    call.cancel();
    const auto applied = provisioner->apply(request, guest, call);
    ASSERT_FALSE(applied);
    EXPECT_EQ(to_string(applied.error().code), to_string(Code::cancelled)) << applied.error().message;
    EXPECT_TRUE(guest.files().empty());
    EXPECT_TRUE(guest.commands().empty());
}

}  // namespace banger::sdk::testing
