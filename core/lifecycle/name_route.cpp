// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/name_route.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

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

/// Why it failed, if that was lately.
std::optional<sdk::Error> recent_failure(Engine& engine, const std::string& network)
{
    const auto routes = engine.name_routes.lock();
    const auto failure = routes->failed.find(network);
    if (failure == routes->failed.end() || failure->second.until <= std::chrono::steady_clock::now())
        return std::nullopt;
    return failure->second.why;
}

void remember(Engine& engine, const std::string& network, const sdk::Result<void>& told)
{
    const auto routes = engine.name_routes.lock();
    routes->failed.erase(network);
    if (told)
        routes->told.insert(network);
    else if (told.error().code != sdk::Code::cancelled)
        routes->failed[network] = {told.error(), std::chrono::steady_clock::now() + routes->rest};
}

}  // namespace

sdk::Result<void> route_names(Engine& engine, const std::string& network, const sdk::Fields& server, sdk::Call& call)
{
    const std::string kind(plugins::kind_of<sdk::NetworkNames>);
    const auto names = engine.registry.names(kind);
    if (std::find(names.begin(), names.end(), network) == names.end())
        return {};
    if (auto failure = recent_failure(engine, network))
        return std::move(*failure);
    const auto probe = engine.registry.probe(kind, network, call);
    if (!probe || !probe->usable)
        return {};
    auto provider = engine.registry.get<sdk::NetworkNames>(network, &call);
    if (!provider)
        return std::move(provider).error();
    auto told = (*provider)->route(server_of(server), call);
    if (!told)
        told = std::move(told).error().while_doing("have this host's resolver ask banger for names");
    remember(engine, network, told);
    return told;
}

void unroute_names(Engine& engine, sdk::Call& call)
{
    const auto networks = std::exchange(engine.name_routes.lock()->told, {});
    for (const auto& network : networks)
        if (auto provider = engine.registry.get<sdk::NetworkNames>(network, &call))
            (void)(*provider)->unroute();
}

}  // namespace banger::lifecycle
