// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/kinds.hpp"

#include <algorithm>
#include <array>

namespace banger::plugins {
namespace {

// A hypervisor that boots fast before one that boots everywhere; one that boots nothing never.
constexpr std::array<std::string_view, 3> vmms{"firecracker", "qemu", "-null"};
// Block devices made by the kernel before files.
constexpr std::array<std::string_view, 2> storages{"dm", "file"};
// A real interface of the host before user-mode networking.
constexpr std::array<std::string_view, 2> networks{"tap", "user"};

// What the user brings before what is derived from it: an identity of git's is only given where no file says one.
constexpr std::array<std::string_view, 2> provisioners{"file-sync", "git-identity"};

constexpr std::array<Kind, 10> all{{
    {kind_of<sdk::Vmm>, "vmm", vmms},
    {kind_of<sdk::VmmSnapshot>, "machine saver", vmms},
    {kind_of<sdk::Storage>, "storage", storages},
    {kind_of<sdk::StorageFork>, "disk freezer", storages},
    {kind_of<sdk::Network>, "network", networks},
    {kind_of<sdk::NetworkNames>, "name route", networks},
    {kind_of<sdk::ImageSource>, "image source", {}},
    {kind_of<sdk::KernelSource>, "kernel source", {}},
    {kind_of<sdk::Dns>, "dns", {}},
    {kind_of<sdk::Provisioner>, "provisioner", provisioners},
}};

}  // namespace

std::span<const Kind> kinds()
{
    return all;
}

const Kind* find_kind(std::string_view id)
{
    const auto* const found = std::find_if(all.begin(), all.end(), [&](const Kind& kind) { return kind.id == id; });
    return found == all.end() ? nullptr : found;
}

std::string noun_of(std::string_view id)
{
    const Kind* kind = find_kind(id);
    return std::string(kind != nullptr ? kind->noun : id);
}

bool is_usual(std::string_view kind, std::string_view name)
{
    const Kind* known = find_kind(kind);
    return known != nullptr && std::any_of(known->preferred.begin(), known->preferred.end(), [&](std::string_view word) {
               return word == name || (word.starts_with('-') && word.substr(1) == name);
           });
}

std::vector<std::string> auto_order(std::string_view kind, std::vector<std::string> names)
{
    const Kind* known = find_kind(kind);
    std::vector<std::string> order;
    std::sort(names.begin(), names.end());
    if (known != nullptr)
        for (const auto preferred : known->preferred)
            if (std::binary_search(names.begin(), names.end(), preferred))
                order.emplace_back(preferred);
    for (const auto& name : names) {
        const auto is = [&](std::string_view word) { return word == name || word == "-" + name; };
        if (known == nullptr || std::none_of(known->preferred.begin(), known->preferred.end(), is))
            order.push_back(name);
    }
    return order;
}

}  // namespace banger::plugins
