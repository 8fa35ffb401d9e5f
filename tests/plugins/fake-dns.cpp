// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The SDK's fake for names as a plugin.
#include "banger/sdk/plugin.hpp"
#include "banger/sdk/testing/fake_dns.hpp"

namespace {

using namespace banger::sdk;

Result<std::unique_ptr<Provider>> make_dns(Host&, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<testing::FakeDns>());
}

constexpr Capability capabilities[] = {{"dns/0", "fake", make_dns}};

}  // namespace

BANGER_PLUGIN(capabilities)
