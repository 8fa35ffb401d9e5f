// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/dns_contract.hpp"
#include "banger/sdk/testing/fake_dns.hpp"

namespace banger::sdk::testing {
namespace {

std::unique_ptr<Dns> open(Host& /*host*/)
{
    return std::make_unique<FakeDns>();
}

INSTANTIATE_TEST_SUITE_P(Fake, DnsContract, ::testing::Values(DnsUnderTest{"fake", open}));

}  // namespace
}  // namespace banger::sdk::testing
