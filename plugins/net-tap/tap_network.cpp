// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tap_network.hpp"

#include "host_network.hpp"
#include "resolvers.hpp"
#include "tap_device.hpp"
#include "trial.hpp"
#include "upkeep.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::string_view tap_word = "link:tap";
constexpr std::string_view restricted_word = "link:user-restricted";
constexpr std::string_view none_word = "link:none";
constexpr const char* link_key = "link";
constexpr const char* no_resolver = "this host has no IPv4 resolver that guests can ask, other than on its loopback";

class TapNetwork final : public sdk::Network {
public:
    TapNetwork(sdk::Host& host, Config config)
        : host_(host), config_(std::move(config)), firewall_(rules::table_of(host.instance())),
          upkeep_(rules::table_of(host.instance()),
                  {[this] { fill_pool(); }, [this] { return look_after_rules(); },
                   [this](const sdk::Error& error) { host_.log(sdk::LogLevel::warning, error.message); }})
    {
    }
    TapNetwork(const TapNetwork&) = delete;
    TapNetwork& operator=(const TapNetwork&) = delete;
    ~TapNetwork() override
    {
        if (auto network = HostNetwork::lock(host_, config_, firewall_))
            if (auto removed = network->remove_if_unused(); !removed)
                host_.log(sdk::LogLevel::warning, removed.error().message);
    }

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.offers = {std::string(tap_word), std::string(none_word), "reach:address"};
        const auto tried = try_all();
        probe.usable = tried.has_value();
        probe.reason = tried ? "each guest has a tap on a bridge of this host, and its own address" : tried.error().message;
        if (tried && resolvers_of_this_host().empty())
            probe.reason += std::string("; ") + no_resolver;
        if (!tried)
            probe.hint = tried.error().hint;
        return probe;
    }

    Result<std::vector<sdk::Handle>> plan(const sdk::LinkSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (spec.egress == sdk::Egress::none)
            return std::vector<sdk::Handle>{};
        return std::vector{handle_of(spec.owner, {})};
    }

    Result<sdk::Attached<sdk::Link>> attach(const sdk::LinkSpec& spec, sdk::Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        if (spec.egress == sdk::Egress::none)
            return sdk::Attached<sdk::Link>{closed_link(spec), handle_of(spec.owner, {})};
        auto network = HostNetwork::lock(host_, config_, firewall_);
        if (!network)
            return std::move(network).error();
        auto other = network->claimed_by(spec.owner.vm);
        if (!other)
            return std::move(other).error();
        if (*other)
            return make_error(Code::exists, "VM " + spec.owner.vm + " has its network already");
        auto claimed = network->claim(spec.owner.vm, spec.egress);
        if (!claimed)
            return std::move(claimed).error();
        const Subnet& subnet = network->subnet();
        sdk::Link link{{"tap", {{"name", claimed->tap.name}}},
                       sdk::mac_of(spec.owner),
                       to_string(*claimed->address) + "/" + std::to_string(subnet.prefix_bits),
                       to_string(subnet.gateway()),
                       {}};
        for (const Address resolver : resolvers_for_guests(subnet.gateway()))
            link.dns.push_back(to_string(resolver));
        if (resolvers_of_this_host().empty())
            call.warn(no_resolver + (": the guest is told " + link.gateway) + ", where one would have to listen");
        return sdk::Attached<sdk::Link>{std::move(link), handle_of(spec.owner, bound_of(*claimed))};
    }

    Result<void> connect(const sdk::Handle& handle, sdk::Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto network = HostNetwork::lock(host_, config_, firewall_);
        auto connected = network ? network->connect(handle.owner.vm) : network.error();
        if (!connected)
            return connected;
        upkeep_.ask_for_taps();
        // It may have come up since there was last a probe.
        if (auto passes = network->check_firewall(); !passes)
            call.warn(passes.error().message + ": the guest reaches nothing; " + passes.error().hint);
        return {};
    }

    Result<void> release(const sdk::Handle& handle) override
    {
        auto network = HostNetwork::lock(host_, config_, firewall_);
        if (!network)
            return std::move(network).error();
        return network->give_back(handle.owner.vm);
    }

    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto network = HostNetwork::lock(host_, config_, firewall_);
        if (!network)
            return std::move(network).error();
        auto claimed = network->claimed_by(handle.owner.vm);
        if (!claimed)
            return std::move(claimed).error();
        if (!*claimed)
            return sdk::Inspection{};
        upkeep_.begin();
        sdk::Inspection inspection{true, bound_of(**claimed)};
        // What the host received is what the guest sent.
        const Interface& tap = (*claimed)->tap;
        inspection.facts["connected"] = tap.master != 0 && tap.up ? "yes" : "no";
        inspection.facts["tx_bytes"] = std::to_string(tap.rx_bytes);
        inspection.facts["tx_packets"] = std::to_string(tap.rx_packets);
        inspection.facts["rx_bytes"] = std::to_string(tap.tx_bytes);
        inspection.facts["rx_packets"] = std::to_string(tap.tx_packets);
        return inspection;
    }

    Result<std::vector<sdk::Handle>> list() override
    {
        auto network = HostNetwork::lock(host_, config_, firewall_);
        if (!network)
            return std::move(network).error();
        auto claimed = network->claimed();
        if (!claimed)
            return std::move(claimed).error();
        if (!claimed->empty())
            upkeep_.begin();
        std::vector<sdk::Handle> handles;
        for (const auto& one : *claimed)
            handles.push_back(
                handle_of({host_.instance(), one.vm, host_.vms_directory() + "/" + one.vm}, bound_of(one)));
        return handles;
    }

private:
    static Result<void> check(const sdk::LinkSpec& spec)
    {
        const std::string& word = spec.attachment;
        if (word != tap_word && word != restricted_word && word != none_word)
            return make_error(Code::unsupported, "network 'tap' makes no link of kind '" + word + "'");
        if (spec.egress != sdk::Egress::none && word != tap_word)
            return make_error(Code::unsupported,
                              "a guest reaches nothing over '" + word + "', but --egress " +
                                  std::string(sdk::to_string(spec.egress)) + " was asked for",
                              "ask for --egress none");
        return {};
    }

    static sdk::Link closed_link(const sdk::LinkSpec& spec)
    {
        sdk::Link link;
        link.mac = sdk::mac_of(spec.owner);
        link.attachment.kind = spec.attachment == restricted_word ? "user-restricted" : "none";
        return link;
    }

    static sdk::Handle handle_of(const sdk::Owner& owner, sdk::Fields bound)
    {
        return {"network/0", "tap", link_key, owner, std::move(bound)};
    }

    static sdk::Fields bound_of(const HostNetwork::Claimed& claimed)
    {
        sdk::Fields bound{{"tap", claimed.tap.name}};
        if (claimed.address)
            bound["address"] = to_string(*claimed.address);
        return bound;
    }

    // What this host has may stand in the way, and what a link needs may be missing. Nothing is made here.
    Result<void> try_all()
    {
        if (auto tried = try_elsewhere(host_.instance()); !tried)
            return tried;
        if (auto opens = check_user(host_.user()); !opens)
            return opens;
        auto network = HostNetwork::lock(host_, config_, firewall_);
        return network ? network->check() : std::move(network).error();
    }

    void fill_pool()
    {
        auto network = HostNetwork::lock(host_, config_, firewall_);
        auto filled = network ? network->fill_pool() : network.error();
        if (!filled)
            host_.log(sdk::LogLevel::warning, "the pool of taps is not full: " + filled.error().message);
    }

    // Whoever makes the firewall anew (`nft flush ruleset`) takes ours away from under guests that run.
    Upkeep::Looked look_after_rules()
    {
        if (firewall_.is_as_left())
            return Upkeep::Looked::nothing_to_do;
        auto network = HostNetwork::lock(host_, config_, firewall_);
        auto restored = network ? network->look_after_rules() : network.error();
        if (restored)
            return Upkeep::Looked::restored;
        host_.log(sdk::LogLevel::error, "guests may have no rules: " + restored.error().message);
        return Upkeep::Looked::failed;
    }

    sdk::Host& host_;
    Config config_;
    Firewall firewall_;
    Upkeep upkeep_;
};

}  // namespace

std::unique_ptr<sdk::Network> make_network(sdk::Host& host, Config config)
{
    return std::make_unique<TapNetwork>(host, std::move(config));
}

}  // namespace banger::tap
