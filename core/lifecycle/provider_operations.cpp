// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/provider_operations.hpp"

#include <algorithm>
#include <iterator>

#include "banger/sdk/os/file.hpp"

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
sdk::Result<std::vector<sdk::Handle>> list_one(plugins::Registry& registry, const std::string& name, sdk::Call* call)
{
    auto provider = registry.get<Interface>(name, call);
    if (!provider)
        return std::move(provider).error();
    return (*provider)->list();
}

// Which providers exist of the kind, and of those the ones that matter; what they say goes to the listing.
template <typename Interface>
void list_kind(plugins::Registry& registry, const std::set<plugins::CapabilityName>& in_use, sdk::Call* call,
               handles::Listing& listing)
{
    const std::string kind(plugins::kind_of<Interface>);
    std::set<std::string> names;
    for (const auto& name : registry.names(kind))
        if (plugins::is_usual(kind, name))
            names.insert(name);
    for (const auto& wanted : in_use)
        if (wanted.kind == kind)
            names.insert(wanted.name);
    for (const auto& name : names) {
        if (call != nullptr && call->cancelled())
            return;
        auto handles = list_one<Interface>(registry, name, call);
        if (handles) {
            std::move(handles->begin(), handles->end(), std::back_inserter(listing.handles));
        } else if (in_use.count({kind, name}) > 0) {
            auto error = std::move(handles).error();
            error.message = "nobody can say what " + plugins::noun_of(kind) + " '" + name + "' holds: " + error.message;
            listing.unasked.push_back(std::move(error));
        }
    }
}

template <typename... Interface>
void list_kinds(plugins::InterfaceList<Interface...> /*kinds*/, plugins::Registry& registry,
                const std::set<plugins::CapabilityName>& in_use, sdk::Call* call, handles::Listing& listing)
{
    (list_kind<Interface>(registry, in_use, call, listing), ...);
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

void ProviderOperations::add_named_by(const model::VmRecord& vm, Names& names) const
{
    names.insert({std::string(plugins::kind_of<sdk::Vmm>), vm.vmm});
    add_storage(vm.storage, names);
    names.insert({std::string(plugins::kind_of<sdk::Network>), vm.network});
}

// Whoever makes a disk may also freeze it, under the same name, and not every one can.
void ProviderOperations::add_storage(const std::string& name, Names& names) const
{
    names.insert({std::string(plugins::kind_of<sdk::Storage>), name});
    const std::string fork(plugins::kind_of<sdk::StorageFork>);
    const auto forks = registry_.names(fork);
    if (std::find(forks.begin(), forks.end(), name) != forks.end())
        names.insert({fork, name});
}

void ProviderOperations::add_named_by(const handles::JournalText& journal, Names& names) const
{
    for (const auto& entry : journal.entries)
        names.insert({entry.handle.kind, entry.handle.provider});
}

ProviderOperations::Names ProviderOperations::named() const
{
    Names names{{std::string(plugins::kind_of<sdk::Vmm>), selected_.vmm.value},
                {std::string(plugins::kind_of<sdk::Network>), selected_.network.value}};
    add_storage(selected_.storage.value, names);
    if (auto records = store_.list_all())
        for (const auto& vm : *records)
            add_named_by(vm, names);
    if (auto directories = sdk::os::list_directory(vms_directory_))
        for (const auto& id : *directories) {
            add_named_by(handles::read_journal({{}, id, vms_directory_ + "/" + id}), names);
            if (auto vm = store_.read_copy(id))  // its row may be lost
                add_named_by(*vm, names);
        }
    // "auto" names nobody, and a record that is only being made not yet.
    std::erase_if(names, [](const auto& one) { return one.name == "auto" || one.name.empty(); });
    return names;
}

handles::Listing ProviderOperations::ask(const Names& in_use, sdk::Call* call)
{
    handles::Listing listing;
    list_kinds(plugins::Resources(), registry_, in_use, call, listing);
    return listing;
}

handles::Listing ProviderOperations::list(sdk::Call* call)
{
    return ask(named(), call);
}

sdk::Result<std::vector<sdk::Handle>> ProviderOperations::list_of(const sdk::Owner& owner)
{
    // The row first: the copy goes with the directory. Without either all that is known is who could have made something.
    Names names;
    if (auto row = store_.find_id(owner.vm))
        add_named_by(*row, names);
    else if (auto copy = store_.read_copy(owner.vm))
        add_named_by(*copy, names);
    else
        names = named();
    std::erase_if(names, [](const auto& one) { return one.name.empty(); });
    auto listing = ask(names, nullptr);
    if (!listing.unasked.empty())
        return std::move(listing.unasked.front());
    std::erase_if(listing.handles, [&](const sdk::Handle& handle) {
        return handle.owner.vm != owner.vm || handle.owner.instance != owner.instance;
    });
    return std::move(listing.handles);
}

}  // namespace banger::lifecycle
