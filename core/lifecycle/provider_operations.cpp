// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/provider_operations.hpp"

#include <iterator>

namespace banger::lifecycle {
namespace {

// Calls `verb` with the provider behind the handle, whichever resource kind it is of.
template <typename T, typename Verb, typename... Interface>
sdk::Result<T> with_provider(plugins::InterfaceList<Interface...> /*kinds*/, plugins::Registry& registry,
                             const sdk::Handle& handle, const Verb& verb)
{
    sdk::Result<T> answer =
        sdk::make_error(sdk::Code::corrupt, "a journal names a handle of the unknown kind '" + handle.kind + "'");
    const auto ask = [&](auto provider) {
        if (provider)
            answer = verb(**provider);
        else
            answer = std::move(provider).error();
        return true;
    };
    (void)((handle.kind == plugins::kind_of<Interface> && ask(registry.get<Interface>(handle.provider))) || ...);
    return answer;
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

template <typename... Interface>
sdk::Result<std::vector<sdk::Handle>> list_kinds(plugins::InterfaceList<Interface...> /*kinds*/,
                                                 plugins::Registry& registry)
{
    std::vector<sdk::Handle> all;
    sdk::Result<void> listed;
    (void)((listed = list_kind<Interface>(registry, all)) && ...);
    if (!listed)
        return std::move(listed).error();
    return all;
}

}  // namespace

sdk::Result<void> ProviderOperations::release(const sdk::Handle& handle)
{
    return with_provider<void>(plugins::Resources(), registry_, handle,
                               [&](auto& provider) { return provider.release(handle); });
}

sdk::Result<sdk::Inspection> ProviderOperations::inspect(const sdk::Handle& handle)
{
    return with_provider<sdk::Inspection>(plugins::Resources(), registry_, handle,
                                          [&](auto& provider) { return provider.inspect(handle); });
}

sdk::Result<std::vector<sdk::Handle>> ProviderOperations::list()
{
    return list_kinds(plugins::Resources(), registry_);
}

}  // namespace banger::lifecycle
