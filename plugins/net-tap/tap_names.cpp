// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tap_names.hpp"

#include "host_network.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

class TapNames final : public sdk::NetworkNames {
public:
    TapNames(sdk::Host& host, Config config, std::function<Result<Resolved::Bus>()> connect)
        : host_(host), config_(std::move(config)), firewall_(rules::table_of(host.instance())), connect_(std::move(connect))
    {
    }

    Result<sdk::Probe> probe(sdk::Call& call) override
    {
        sdk::Probe probe;
        auto bus = connect_();
        auto runs = bus ? Resolved(std::move(*bus), call.cancel_descriptor()).runs() : std::move(bus).error();
        probe.usable = runs && *runs;
        probe.reason = probe.usable ? "systemd-resolved asks banger for names below ." + config_.zone + " while the bridge is up"
                       : runs       ? "systemd-resolved does not run here"
                                    : runs.error().message;
        if (!probe.usable)
            probe.hint = "`banger dns route` says how other resolvers are told";
        return probe;
    }

    Result<void> route(const sdk::NameServer& server, sdk::Call& call) override
    {
        if (auto checked = sdk::check(server); !checked)
            return checked;
        if (server.zone != config_.zone)
            return make_error(Code::permission, "names below ." + server.zone + " are not to be asked of banger: ." + config_.zone + " is",
                              "set zone under [plugin.net-tap], in the helper's configuration if there is one");
        auto bridge = find_bridge();
        if (!bridge)
            return std::move(bridge).error();
        if (!*bridge)
            return make_error(Code::not_found, "this banger has no bridge on this host");
        auto bus = connect_();
        return bus ? Resolved(std::move(*bus), call.cancel_descriptor()).route((*bridge)->index, server)
                   : std::move(bus).error();
    }

    Result<void> unroute() override
    {
        auto bridge = find_bridge();
        if (!bridge || !*bridge)
            return bridge ? Result<void>() : std::move(bridge).error();
        auto bus = connect_();
        return bus ? Resolved(std::move(*bus)).revert((*bridge)->index) : std::move(bus).error();
    }

    Result<std::vector<sdk::NameServer>> routed() override
    {
        auto bridge = find_bridge();
        if (!bridge)
            return std::move(bridge).error();
        if (!*bridge)
            return std::vector<sdk::NameServer>{};
        auto bus = connect_();
        if (!bus)
            return std::move(bus).error();
        return Resolved(std::move(*bus)).routed((*bridge)->index);
    }

private:
    Result<std::optional<Interface>> find_bridge()
    {
        auto network = HostNetwork::lock(host_, config_, firewall_);
        return network ? network->find_bridge() : std::move(network).error();
    }

    sdk::Host& host_;
    Config config_;
    Firewall firewall_;  ///< which this never changes
    std::function<Result<Resolved::Bus>()> connect_;
};

}  // namespace

std::unique_ptr<sdk::NetworkNames> make_names(sdk::Host& host, Config config, std::function<Result<Resolved::Bus>()> connect)
{
    return std::make_unique<TapNames>(host, std::move(config), std::move(connect));
}

}  // namespace banger::tap
