// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/testing/dns_contract.hpp"
#include "dns_names.hpp"

namespace banger::sdk::testing {
namespace {

// Tests of other programs may have this port, and then it is the next one.
std::unique_ptr<Dns> open(Host& host)
{
    auto names = dns::make_names(host, {"127.0.0.1", 42300, "vm"});
    if (!names) {
        ADD_FAILURE() << names.error().message;
        return nullptr;
    }
    return std::move(*names);
}

INSTANTIATE_TEST_SUITE_P(Dns, DnsContract, ::testing::Values(DnsUnderTest{"dns", open}));

}  // namespace
}  // namespace banger::sdk::testing
