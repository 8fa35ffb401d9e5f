// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/provisioner_contract.hpp"
#include "motd.hpp"

namespace banger::sdk::testing {

INSTANTIATE_TEST_SUITE_P(Motd, ProvisionerContract,
                         ::testing::Values(ProvisionerUnderTest{"motd", [](Host&) { return std::make_unique<Motd>(); }}));

}  // namespace banger::sdk::testing
