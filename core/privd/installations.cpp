// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/installations.hpp"

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::size_t most_open = 8;
constexpr std::size_t most_known = 256;
template <typename Interface>
Result<std::size_t> count_listed(plugins::Registry& registry)
{
    std::size_t count = 0;
    for (const auto& name : registry.names(plugins::kind_of<Interface>)) {
        auto provider = registry.get<Interface>(name);
        if (!provider)
            return std::move(provider).error();
        auto handles = (*provider)->list();
        if (!handles)
            return std::move(handles).error();
        count += handles->size();
    }
    return count;
}

constexpr const char* path_file = "/vms-directory";  // in an installation's directory: where its machines are

}  // namespace

std::string name_in_kernel(const std::string& instance)
{
    const auto digit = std::string_view("0123456789abcdef").find(instance.front());
    return "ghijklmnopqrstuv"[digit] + instance.substr(1);
}

Result<std::shared_ptr<sdk::Provider>> Installations::provider(const Installation& installation,
                                                               const plugins::CapabilityName& wanted)
{
    auto registry = open(installation);
    if (!registry)
        return std::move(registry).error();
    auto provider = (*registry)->provider(wanted.kind, wanted.name);
    if (!provider)
        return provider;
    // The registry lives for as long as somebody uses one of its providers.
    return std::shared_ptr<sdk::Provider>(provider->get(), [registry = *registry, provider = *provider](auto*) {});
}

Result<std::shared_ptr<plugins::Registry>> Installations::open(const Installation& installation)
{
    std::vector<Open> surplus;
    std::shared_ptr<plugins::Registry> registry;
    {
        const std::lock_guard lock(mutex_);
        const auto known = open_.find(installation.instance);
        if (known != open_.end() && known->second.installation == installation) {
            known->second.last_use = ++uses_;
            return known->second.registry;
        }
        if (auto remembered = remember(installation); !remembered)
            return std::move(remembered).error();
        plugins::Registry::Settings settings;
        settings.directories = settings_.plugin_directories;
        settings.config = settings_.config;
        settings.instance = name_in_kernel(installation.instance);
        settings.cache_directory = directory_of(installation.instance);
        settings.vms_directory = installation.vms_directory;
        settings.user = settings_.user;
        settings.log = settings_.log;
        auto opened = plugins::Registry::open(std::move(settings));
        if (!opened)
            return std::move(opened).error();
        registry = std::move(*opened);
        surplus = take_surplus(most_open - 1);
        open_.insert_or_assign(installation.instance, Open{installation, registry, ++uses_});
    }
    close(std::move(surplus));
    return registry;
}

// Those that somebody uses right now stay.
std::vector<Installations::Open> Installations::take_surplus(std::size_t most)
{
    std::vector<Open> surplus;
    while (open_.size() > most) {
        auto oldest = open_.end();
        for (auto one = open_.begin(); one != open_.end(); ++one)
            if (one->second.registry.use_count() == 1 &&
                (oldest == open_.end() || one->second.last_use < oldest->second.last_use))
                oldest = one;
        if (oldest == open_.end())
            break;
        surplus.push_back(std::move(oldest->second));
        open_.erase(oldest);
    }
    return surplus;
}

void Installations::close(std::vector<Open> surplus) const
{
    for (auto& one : surplus) {
        one.registry.reset();  // what its machines shared and none of them uses goes with it
        if (os::exists(one.installation.vms_directory))
            continue;
        const os::OwnRights rights;
        (void)os::remove_tree(directory_of(one.installation.instance));
    }
}

Result<void> Installations::remember(const Installation& installation) const
{
    const os::OwnRights rights;
    const std::string directory = directory_of(installation.instance);
    const auto known = os::list_directory(settings_.directory);
    if (!known)
        return known.error();
    if (!os::exists(directory) && known->size() >= most_known)
        return make_error(Code::busy, "the helper serves " + std::to_string(known->size()) + " installations already",
                          "remove " + settings_.directory + "/INSTANCE of those that are gone");
    if (auto made = os::make_private_directory(directory); !made)
        return made;
    return os::write_file_atomic(directory + path_file, installation.vms_directory);
}

Result<std::vector<Held>> Installations::held()
{
    Result<std::vector<std::string>> known = std::vector<std::string>();
    {
        const os::OwnRights rights;
        known = os::list_directory(settings_.directory);
    }
    if (!known)
        return std::move(known).error();
    std::vector<Held> all;
    for (const auto& instance : *known) {
        Result<std::string> path = std::string();
        {
            const os::OwnRights rights;
            path = os::read_file(directory_of(instance) + path_file);
        }
        if (!path)
            continue;
        const Installation installation{instance, *path};
        auto registry = open(installation);
        if (!registry)
            return std::move(registry).error();
        auto disks = count_listed<sdk::Storage>(**registry);
        auto links = count_listed<sdk::Network>(**registry);
        if (!disks || !links)
            return disks ? std::move(links).error() : std::move(disks).error();
        all.push_back({installation, *disks, *links});
    }
    return all;
}

}  // namespace banger::privd
