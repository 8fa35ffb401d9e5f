// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/network.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "guest/agent/interface_setup.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr std::chrono::milliseconds interface_wait{10000};

/// Interfaces with hardware behind them, in the order the kernel made them.
std::vector<std::string> present_interfaces()
{
    std::vector<std::pair<int, std::string>> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/sys/class/net"), &closedir);
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr) {
        const std::string path = std::string("/sys/class/net/") + entry->d_name;
        if (entry->d_name[0] != '.' && access((path + "/device").c_str(), F_OK) == 0)
            found.emplace_back(std::atoi(small_line(path + "/ifindex").c_str()), entry->d_name);
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> names;
    for (auto& [index, name] : found)
        names.push_back(std::move(name));
    return names;
}

std::string interface_for(const Configuration::Link& link, std::size_t position)
{
    const auto present = present_interfaces();
    for (const auto& name : present)
        if (small_line("/sys/class/net/" + name + "/address") == link.mac)
            return name;
    return position < present.size() ? present[position] : std::string();
}

std::string networkd_file(const Configuration::Link& link, const std::vector<std::string>& search)
{
    std::string text = "[Match]\nMACAddress=" + link.mac + "\n\n[Network]\nAddress=" + link.address + "\n";
    if (!link.gateway.empty())
        text += "Gateway=" + link.gateway + "\n";
    for (const auto& server : link.dns)
        text += "DNS=" + server + "\n";
    for (const auto& domain : search)
        text += "Domains=" + domain + "\n";
    return text;
}

/// /run is the guest's memory: nothing here outlives this boot.
sdk::Result<void> write_runtime_files(const Configuration& configuration)
{
    std::string unmanaged;
    make_directories("/run/systemd/network");
    make_directories("/run/NetworkManager/conf.d");
    for (std::size_t i = 0; i < configuration.network.size(); ++i) {
        const auto& link = configuration.network[i];
        const auto path = "/run/systemd/network/10-banger-" + std::to_string(i) + ".network";
        if (auto written = replace_file(path, networkd_file(link, configuration.dns_search), 0644); !written)
            return written;
        unmanaged += (unmanaged.empty() ? "mac:" : ";mac:") + link.mac;
    }
    return replace_file("/run/NetworkManager/conf.d/10-banger.conf", "[keyfile]\nunmanaged-devices=" + unmanaged + "\n",
                        0644);
}

std::vector<std::string> all_servers(const Configuration& configuration)
{
    std::vector<std::string> servers;
    for (const auto& link : configuration.network)
        for (const auto& server : link.dns)
            if (std::find(servers.begin(), servers.end(), server) == servers.end())
                servers.push_back(server);
    return servers;
}

sdk::Result<void> write_name_servers(const Configuration& configuration)
{
    const auto servers = all_servers(configuration);
    if (servers.empty())
        return {};
    std::array<char, 256> target{};
    const auto length = readlink("/etc/resolv.conf", target.data(), target.size());
    const std::string link(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (link.find("systemd/resolve") != std::string::npos) {
        std::string text = "[Resolve]\nDNS=";
        for (const auto& server : servers)
            text += server + " ";
        text += "\nDomains=";
        for (const auto& domain : configuration.dns_search)
            text += domain + " ";
        make_directories("/run/systemd/resolved.conf.d");
        return replace_file("/run/systemd/resolved.conf.d/10-banger.conf", text + "\n", 0644);
    }
    if (const auto slash = link.rfind('/'); link.starts_with('/') && slash > 0)
        make_directories(link.substr(0, slash));  // e.g. into a /run that is empty yet
    else if (!link.empty())
        unlink("/etc/resolv.conf");
    return replace_file("/etc/resolv.conf", resolv_conf(servers, configuration.dns_search), 0644);
}

}  // namespace

std::string resolv_conf(const std::vector<std::string>& servers, const std::vector<std::string>& search)
{
    std::string text;
    if (!search.empty()) {
        text += "search";
        for (const auto& domain : search)
            text += " " + domain;
        text += "\n";
    }
    for (const auto& server : servers)
        text += "nameserver " + server + "\n";
    return text;
}

sdk::Result<void> apply_network(const Configuration& configuration, Uevents& uevents)
{
    if (auto up = bring_up_loopback(); !up)
        return up;
    if (configuration.network.empty())
        return {};
    for (std::size_t i = 0; i < configuration.network.size(); ++i) {
        const auto& link = configuration.network[i];
        std::string name;
        if (!uevents.wait([&] { return !(name = interface_for(link, i)).empty(); }, interface_wait))
            return sdk::make_error(sdk::Code::not_found, "the guest's kernel found no network interface " + link.mac);
        if (auto done = set_up_interface(name, link); !done)
            return std::move(done.error()).while_doing("set up interface " + name + " of the guest");
    }
    if (auto written = write_runtime_files(configuration); !written)
        return written;
    return write_name_servers(configuration);
}

}  // namespace banger::agent
