// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/network_names.hpp"

namespace banger::sdk::testing {

/// What a host's resolver knows of one installation's network: outlives the provider.
struct FakeNamesWorld {
    static std::shared_ptr<FakeNamesWorld> of(const Host& host)
    {
        static std::mutex guard;
        static std::map<std::string, std::shared_ptr<FakeNamesWorld>> worlds;
        const std::lock_guard lock(guard);
        auto& world = worlds[host.instance()];
        if (!world)
            world = std::make_shared<FakeNamesWorld>();
        return world;
    }

    /// For good: no test looks at the host once the network has gone.
    static std::shared_ptr<FakeNamesWorld> bring_up(const Host& host)
    {
        auto world = of(host);
        const std::lock_guard lock(world->mutex);
        world->has_network = true;
        return world;
    }

    std::mutex mutex;
    bool has_network = false;
    std::optional<NameServer> told;
};

/// network.names/0 that tells nobody. It passes NetworkNamesContract.
class FakeNetworkNames : public NetworkNames {
public:
    explicit FakeNetworkNames(const Host& host) : world_(FakeNamesWorld::of(host)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        return probe;
    }
    Result<void> route(const NameServer& server, Call& /*call*/) override
    {
        if (auto checked = check(server); !checked)
            return checked;
        const std::lock_guard lock(world_->mutex);
        if (!world_->has_network)
            return make_error(Code::not_found, "there is no such network");
        world_->told = server;
        return {};
    }
    Result<void> unroute() override
    {
        const std::lock_guard lock(world_->mutex);
        world_->told.reset();
        return {};
    }
    Result<std::vector<NameServer>> routed() override
    {
        const std::lock_guard lock(world_->mutex);
        return world_->has_network && world_->told ? std::vector{*world_->told} : std::vector<NameServer>{};
    }

private:
    std::shared_ptr<FakeNamesWorld> world_;
};

}  // namespace banger::sdk::testing
