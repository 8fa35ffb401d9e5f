// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "link_process.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <map>

#include "banger/sdk/os/file.hpp"
#include "guest_network.hpp"

namespace banger::user {
namespace {

namespace os = sdk::os;
using Arguments = std::vector<std::string>;

constexpr std::string_view name_start = "banger-net-";
constexpr std::size_t instance_digits = 8;
constexpr std::size_t vm_digits = 12;
constexpr std::size_t name_length = name_start.size() + instance_digits + 1 + vm_digits;
constexpr unsigned nobody = 65534;
constexpr std::chrono::seconds longest_end{10};

bool carries(const Arguments& arguments, const std::string& name)
{
    return std::find(arguments.begin(), arguments.end(), name) != arguments.end();
}

// The filter has its name first, passt somewhere among its options.
bool is_filter(const Arguments& arguments)
{
    return arguments.size() > 1 && arguments[1] == "--name";
}

// The owner of /proc/<pid> is root for a process that may not be traced, so its real uid is read (proc(5), status).
bool runs_as_us(pid_t pid)
{
    const auto status = os::read_file("/proc/" + std::to_string(pid) + "/status", 65536).value_or({});
    const auto at = status.find("\nUid:\t");
    if (at == std::string::npos)
        return false;
    unsigned uid = 0;
    const char* first = status.data() + at + 6;
    if (std::from_chars(first, status.data() + status.size(), uid).ec != std::errc{})
        return false;
    return uid == ::geteuid() || (::geteuid() == 0 && uid == nobody);
}

template <typename Number>
std::optional<Number> number_of(const sdk::Fields& fields, const std::string& key)
{
    const auto found = fields.find(key);
    if (found == fields.end())
        return std::nullopt;
    const std::string& text = found->second;
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value == 0)
        return std::nullopt;
    return value;
}

sdk::Result<std::vector<os::ProcessId>> processes_of(const std::string& name, bool only_filter)
{
    auto found = os::find_processes(
        [&](const Arguments& arguments) { return carries(arguments, name) && (!only_filter || is_filter(arguments)); });
    if (found)
        std::erase_if(*found, [](const os::ProcessId& id) { return !runs_as_us(id.pid); });
    return found;
}

std::optional<sdk::Owner> owner_in(const Arguments& arguments, const sdk::Host& host)
{
    for (const auto& argument : arguments) {
        if (argument.size() != name_length || !argument.starts_with(name_start) ||
            argument.substr(name_start.size(), instance_digits) != host.instance())
            continue;
        const std::string vm = argument.substr(name_length - vm_digits);
        if (vm.find_first_not_of("0123456789abcdef") == std::string::npos)
            return sdk::Owner{host.instance(), vm, host.vms_directory() + "/" + vm};
    }
    return std::nullopt;
}

}  // namespace

std::string link_name(const sdk::Owner& owner)
{
    return std::string(name_start) + owner.instance + "-" + owner.vm;
}

sdk::Handle link_handle(const sdk::Owner& owner)
{
    return {"network/0", "user", "link", owner, {}};
}

sdk::Handle link_handle(const sdk::Owner& owner, const os::ProcessId& filter)
{
    auto handle = link_handle(owner);
    handle.bound = {{"pid", std::to_string(filter.pid)},
                    {"start_time", std::to_string(filter.start_time)},
                    {"address", guest_network::address}};
    return handle;
}

sdk::Result<std::optional<os::ProcessId>> find_filter(const sdk::Handle& handle)
{
    const std::string name = link_name(handle.owner);
    const auto pid = number_of<pid_t>(handle.bound, "pid");
    const auto start_time = number_of<std::uint64_t>(handle.bound, "start_time");
    if (pid && start_time) {
        const os::ProcessId id{*pid, *start_time};
        const auto arguments = os::arguments_of(id.pid).value_or({});
        // Asked last whether it lives: what was read before it then belonged to this process.
        if (carries(arguments, name) && is_filter(arguments) && runs_as_us(id.pid) && os::is_alive(id))
            return std::optional(id);
    }
    // Also where the note could not be checked: this look then says why.
    auto found = processes_of(name, true);
    if (!found)
        return std::move(found).error().while_doing("look for the network of VM " + handle.owner.vm);
    return found->empty() ? std::nullopt : std::optional(found->front());
}

std::string pids_of(const sdk::Owner& owner)
{
    std::string pids;
    for (const auto& id : processes_of(link_name(owner), false).value_or({}))
        pids += (pids.empty() ? "" : " ") + std::to_string(id.pid);
    return pids;
}

sdk::Result<void> end_processes(const sdk::Owner& owner)
{
    const std::string name = link_name(owner);
    // passt forks once while it starts, so a child may appear behind the first look.
    for (;;) {
        auto found = processes_of(name, false);
        if (!found)
            return std::move(found).error().while_doing("end the network of VM " + owner.vm);
        if (found->empty())
            return {};
        for (const auto& id : *found)
            if (auto ended = os::kill_and_wait(id, SIGKILL, longest_end); !ended)
                return std::move(ended).error().while_doing("end the network of VM " + owner.vm);
    }
}

sdk::Result<std::vector<sdk::Handle>> list_links(const sdk::Host& host)
{
    std::map<std::string, sdk::Handle> links;
    auto found = os::find_processes([&](const Arguments& arguments) { return owner_in(arguments, host).has_value(); });
    if (!found)
        return std::move(found).error();
    for (const auto& id : *found) {
        const auto arguments = os::arguments_of(id.pid).value_or({});  // without any, it has just ended
        const auto owner = owner_in(arguments, host);
        if (!owner || !runs_as_us(id.pid))
            continue;
        if (is_filter(arguments))
            links[owner->vm] = link_handle(*owner, id);
        else
            links.emplace(owner->vm, link_handle(*owner));
    }
    std::vector<sdk::Handle> handles;
    for (auto& [vm, handle] : links)
        handles.push_back(std::move(handle));
    return handles;
}

}  // namespace banger::user
