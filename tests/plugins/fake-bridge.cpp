// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The SDK's fakes for a network whose guests the host reaches at their addresses, and of which its resolver can be told.
#include "banger/sdk/plugin.hpp"
#include "banger/sdk/testing/fake_network.hpp"
#include "banger/sdk/testing/fake_network_names.hpp"

namespace {

using namespace banger::sdk;

/// How many links it has is a fact of its probe.
class ReachedNetwork final : public testing::FakeNetwork {
public:
    ReachedNetwork(Host& host, std::shared_ptr<testing::FakeNetworkWorld> world) : FakeNetwork(host, world), world_(std::move(world)) {}
    Result<Probe> probe(Call& call) override
    {
        auto probe = FakeNetwork::probe(call);
        if (probe) {
            probe->offers.emplace_back("reach:address");
            probe->facts["links"] = std::to_string(world_->attached());
        }
        return probe;
    }

private:
    std::shared_ptr<testing::FakeNetworkWorld> world_;
};

Result<std::unique_ptr<Provider>> make_network(Host& host, const char*)
{
    static const auto world = std::make_shared<testing::FakeNetworkWorld>();
    return std::unique_ptr<Provider>(std::make_unique<ReachedNetwork>(host, world));
}

Result<std::unique_ptr<Provider>> make_names(Host& host, const char*)
{
    testing::FakeNamesWorld::bring_up(host);
    return std::unique_ptr<Provider>(std::make_unique<testing::FakeNetworkNames>(host));
}

constexpr Capability capabilities[] = {{"network/0", "bridge", make_network}, {"network.names/0", "bridge", make_names}};

}  // namespace

BANGER_PLUGIN(capabilities)
