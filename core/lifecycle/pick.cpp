// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/pick.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace banger::lifecycle {
namespace {

using Candidates = std::vector<plugins::Choice>;

template <typename Interface>
sdk::Result<plugins::Choice> first(Engine& engine, const std::string& by_spec, const std::string& by_config,
                                   sdk::Call& call)
{
    return engine.registry.choose(std::string(plugins::kind_of<Interface>), by_spec.empty() ? by_config : by_spec, call);
}

template <typename Interface>
sdk::Result<Candidates> candidates(Engine& engine, const std::string& by_spec, const std::string& by_config,
                                   sdk::Call& call)
{
    return engine.registry.candidates(std::string(plugins::kind_of<Interface>), by_spec.empty() ? by_config : by_spec,
                                      call);
}

// The first word that one offers and the other accepts, among those that `fits` lets through.
template <typename Fits>
std::optional<std::string> join(const std::vector<std::string>& offers, const std::vector<std::string>& accepts,
                                Fits fits)
{
    for (const auto& word : offers)
        if (fits(word) && std::find(accepts.begin(), accepts.end(), word) != accepts.end())
            return word;
    return std::nullopt;
}

bool is_closed(const std::string& link)
{
    return link == "link:user-restricted" || link == "link:none";
}

sdk::Error refused(const plugins::Choice& one, const plugins::Choice& other, const std::string& what,
                   const std::string& hint)
{
    return sdk::make_error(sdk::Code::unsupported,
                           "'" + one.name + "' and '" + other.name + "' do not go together here: they share no " + what +
                               (other.probe.reason.empty() ? "" : " (" + other.probe.reason + ")"),
                           hint);
}

sdk::Result<Choice> go_together(const plugins::Choice& vmm, const plugins::Choice& storage,
                                const plugins::Choice& network, sdk::Egress egress)
{
    const auto format = join(storage.probe.offers, vmm.probe.accepts,
                             [](const std::string& word) { return word.starts_with("disk:"); });
    if (!format)
        return refused(vmm, storage, "disk format",
                       "use another --storage, or a file system with reflinks (btrfs, xfs) for the state directory");
    const bool closed = egress == sdk::Egress::none;
    const auto link = join(network.probe.offers, vmm.probe.accepts, [&](const std::string& word) {
        return word.starts_with("link:") && is_closed(word) == closed;
    });
    if (!link)
        return refused(vmm, network, "link for --egress " + std::string(sdk::to_string(egress)),
                       network.probe.hint.empty() ? "use another --network" : network.probe.hint);
    return Choice{vmm.name, storage.name, network.name, *format, *link, {}, {}};
}

}  // namespace

sdk::Result<Choice> pick_providers(Engine& engine, const model::VmSpec& spec, sdk::Egress egress, sdk::Call& call)
{
    const auto& config = engine.config.backends;
    auto vmm = first<sdk::Vmm>(engine, spec.vmm, config.vmm.value, call);
    if (!vmm)
        return std::move(vmm).error();
    auto storage = first<sdk::Storage>(engine, spec.storage, config.storage.value, call);
    if (!storage)
        return std::move(storage).error();
    auto network = first<sdk::Network>(engine, spec.network, config.network.value, call);
    if (!network)
        return std::move(network).error();
    auto preferred = go_together(*vmm, *storage, *network, egress);
    if (preferred)
        return preferred;

    // Only now is everybody else asked: some of them may take their time, or never answer.
    auto vmms = candidates<sdk::Vmm>(engine, spec.vmm, config.vmm.value, call);
    if (!vmms)
        return std::move(vmms).error();
    auto storages = candidates<sdk::Storage>(engine, spec.storage, config.storage.value, call);
    if (!storages)
        return std::move(storages).error();
    auto networks = candidates<sdk::Network>(engine, spec.network, config.network.value, call);
    if (!networks)
        return std::move(networks).error();

    for (const auto& some_vmm : *vmms)
        for (const auto& some_storage : *storages)
            for (const auto& some_network : *networks)
                if (auto choice = go_together(some_vmm, some_storage, some_network, egress)) {
                    choice->passed_over = preferred.error().message;
                    choice->hint = preferred.error().hint;
                    return choice;
                }
    return std::move(preferred).error();
}

}  // namespace banger::lifecycle
