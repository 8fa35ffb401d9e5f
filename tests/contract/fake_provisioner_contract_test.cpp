// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/fake_provisioner.hpp"
#include "banger/sdk/testing/provisioner_contract.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Provisioner> open(Host& /*host*/)
{
    return std::make_unique<FakeProvisioner>();
}

INSTANTIATE_TEST_SUITE_P(Fake, ProvisionerContract, ::testing::Values(ProvisionerUnderTest{"fake", open}));

}  // namespace
}  // namespace banger::sdk::testing
