// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/provider_operations.hpp"

#include <iterator>

namespace banger::lifecycle {
namespace {

// Calls `verb` with the provider behind the handle, whichever resource kind it is of.
template <typename T, typename Verb>
sdk::Result<T> with_provider(plugins::Registry& registry, const sdk::Handle& handle, const Verb& verb)
{
    const auto ask = [&](auto provider) -> sdk::Result<T> {
        if (!provider)
            return std::move(provider).error();
        return verb(**provider);
    };
    if (handle.kind == plugins::kind_of<sdk::Vmm>)
        return ask(registry.get<sdk::Vmm>(handle.provider));
    if (handle.kind == plugins::kind_of<sdk::Storage>)
        return ask(registry.get<sdk::Storage>(handle.provider));
    if (handle.kind == plugins::kind_of<sdk::Network>)
        return ask(registry.get<sdk::Network>(handle.provider));
    return sdk::make_error(sdk::Code::corrupt, "a journal names a handle of the unknown kind '" + handle.kind + "'");
}

template <typename Interface>
sdk::Result<void> list_kind(plugins::Registry& registry, std::vector<sdk::Handle>& all)
{
    for (const auto& name : registry.names(plugins::kind_of<Interface>)) {
        auto provider = registry.get<Interface>(name);
        if (!provider)
            return std::move(provider).error().while_doing("list what " + name + " holds");
        auto handles = (*provider)->list();
        if (!handles)
            return std::move(handles).error().while_doing("list what " + name + " holds");
        std::move(handles->begin(), handles->end(), std::back_inserter(all));
    }
    return {};
}

}  // namespace

sdk::Result<void> ProviderOperations::release(const sdk::Handle& handle)
{
    return with_provider<void>(registry_, handle, [&](auto& provider) { return provider.release(handle); });
}

sdk::Result<sdk::Inspection> ProviderOperations::inspect(const sdk::Handle& handle)
{
    return with_provider<sdk::Inspection>(registry_, handle, [&](auto& provider) { return provider.inspect(handle); });
}

sdk::Result<std::vector<sdk::Handle>> ProviderOperations::list()
{
    std::vector<sdk::Handle> all;
    if (auto listed = list_kind<sdk::Vmm>(registry_, all); !listed)
        return std::move(listed).error();
    if (auto listed = list_kind<sdk::Storage>(registry_, all); !listed)
        return std::move(listed).error();
    if (auto listed = list_kind<sdk::Network>(registry_, all); !listed)
        return std::move(listed).error();
    return all;
}

}  // namespace banger::lifecycle
