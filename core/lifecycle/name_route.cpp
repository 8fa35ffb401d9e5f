// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/name_route.hpp"

#include <algorithm>
#include <charconv>

#include "core/plugins/kinds.hpp"

namespace banger::lifecycle {
namespace {

sdk::NameServer server_of(const sdk::Fields& facts)
{
    const auto fact = [&](const char* key) { return facts.contains(key) ? facts.at(key) : std::string(); };
    sdk::NameServer server{fact("address"), 0, fact("zone")};
    const std::string port = fact("port");
    std::from_chars(port.data(), port.data() + port.size(), server.port);
    return server;
}

}  // namespace

sdk::Result<void> route_names(Engine& engine, const std::string& network, const sdk::Fields& server, sdk::Call& call)
{
    const std::string kind(plugins::kind_of<sdk::NetworkNames>);
    const auto names = engine.registry.names(kind);
    if (std::find(names.begin(), names.end(), network) == names.end())
        return {};
    const auto probe = engine.registry.probe(kind, network, call);
    if (!probe || !probe->usable)
        return {};
    auto provider = engine.registry.get<sdk::NetworkNames>(network, &call);
    if (!provider)
        return std::move(provider).error();
    if (auto told = (*provider)->route(server_of(server), call); !told)
        return std::move(told).error().while_doing("have this host's resolver ask banger for names");
    engine.name_routes.lock()->insert(network);
    return {};
}

void unroute_names(Engine& engine, sdk::Call& call)
{
    const auto networks = std::exchange(*engine.name_routes.lock(), {});
    for (const auto& network : networks)
        if (auto provider = engine.registry.get<sdk::NetworkNames>(network, &call))
            (void)(*provider)->unroute();
}

}  // namespace banger::lifecycle
