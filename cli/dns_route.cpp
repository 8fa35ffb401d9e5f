// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/dns_route.hpp"

#include <array>

#include "banger/sdk/os/file.hpp"

namespace banger::cli {
namespace {

constexpr std::array<std::pair<std::string_view, Resolver>, 5> resolvers{{{"resolved", Resolver::resolved},
                                                                           {"dnsmasq", Resolver::dnsmasq},
                                                                           {"networkmanager", Resolver::networkmanager},
                                                                           {"unbound", Resolver::unbound},
                                                                           {"resolv", Resolver::resolv}}};

/// By its first line a file is known as ours.
constexpr std::string_view mark = "# Written by banger";
constexpr std::size_t longest_settings = 65536;
constexpr std::uint16_t well_known_port = 53;

/// resolved.conf(5): a port behind the address since version 246; "~" makes the domain one that only says where to ask.
std::string resolved_drop_in(const NameServer& server)
{
    return std::string(mark) + ": names below ." + server.zone + " are asked of it.\n[Resolve]\nDNS=" +
           (server.address.find(':') == std::string::npos ? server.address : "[" + server.address + "]") + ":" +
           std::to_string(server.port) + "\nDomains=~" + server.zone + "\n";
}

/// dnsmasq(8), --server.
std::string dnsmasq_line(const NameServer& server)
{
    return "server=/" + server.zone + "/" + server.address + "#" + std::to_string(server.port) + "\n" +
           "rebind-domain-ok=/" + server.zone + "/\n";
}

/// unbound.conf(5): banger answers with authority, so its zone is a stub.
std::string unbound_file(const NameServer& server)
{
    return "server:\n    do-not-query-localhost: no\n    domain-insecure: \"" + server.zone + "\"\n    private-domain: \"" +
           server.zone + "\"\nstub-zone:\n    name: \"" + server.zone + "\"\n    stub-addr: " + server.address + "@" +
           std::to_string(server.port) + "\n";
}

std::string resolv_recipe(const NameServer& server)
{
    if (server.port == well_known_port)
        return "# /etc/resolv.conf, before the other nameservers, which are asked for what banger refuses:\nnameserver " +
               server.address + "\n";
    return "# resolv.conf(5) knows no port: a nameserver there is asked on port 53, and banger answers on " +
           std::to_string(server.port) +
           ".\n# An address of loopback that nothing else uses, and port 53 on it, can be banger's, if it may have that "
           "port:\n# as root, or after `sysctl net.ipv4.ip_unprivileged_port_start=53`.\n"
           "banger config set plugin.dns.address 127.53.0.53\nbanger config set plugin.dns.port 53\n"
           "banger dns route --print resolv\n";
}

/// Below the root directory.
std::string drop_in_path(const std::string& instance)
{
    return "etc/systemd/resolved.conf.d/banger-" + instance + ".conf";
}

std::string drop_in_path(const std::string& root, const std::string& instance)
{
    return root + (root.ends_with('/') ? "" : "/") + drop_in_path(instance);
}

/// What is in our file, if it is there. `foreign` for one that is not ours.
sdk::Result<std::optional<std::string>> read_ours(const std::string& path, sdk::Code foreign)
{
    auto text = sdk::os::read_file(path, longest_settings);
    if (!text && text.error().code == sdk::Code::not_found)
        return std::optional<std::string>();
    if (!text)
        return std::move(text).error();
    if (!text->starts_with(mark))
        return sdk::make_error(foreign, path + " was not written by banger", "move it away first");
    return std::optional(std::move(*text));
}

sdk::Result<void> write_drop_in(const std::string& path, const std::string& text)
{
    constexpr mode_t readable = 0644;  // systemd-resolved is no root
    return sdk::os::write_file_atomic(path, text, readable);
}

}  // namespace

std::optional<Resolver> resolver_from_string(std::string_view text)
{
    for (const auto& [name, resolver] : resolvers)
        if (name == text)
            return resolver;
    return std::nullopt;
}

std::vector<std::string> resolver_names()
{
    std::vector<std::string> names;
    for (const auto& [name, resolver] : resolvers)
        names.emplace_back(name);
    return names;
}

std::string route_recipe(Resolver resolver, const NameServer& server, const std::string& instance)
{
    switch (resolver) {
    case Resolver::resolved:
        return "# /" + drop_in_path(instance) +
               " (`banger dns route --install` writes it), then\n"
               "# systemctl restart systemd-resolved\n" +
               resolved_drop_in(server);
    case Resolver::dnsmasq:
        return "# /etc/dnsmasq.d/banger.conf, then systemctl restart dnsmasq\n" + dnsmasq_line(server);
    case Resolver::networkmanager:
        return "# /etc/NetworkManager/dnsmasq.d/banger.conf. NetworkManager runs dnsmasq where a file such as\n"
               "# /etc/NetworkManager/conf.d/dns.conf has \"[main]\" and \"dns=dnsmasq\"; then systemctl reload "
               "NetworkManager\n" +
               dnsmasq_line(server);
    case Resolver::unbound:
        return "# /etc/unbound/unbound.conf.d/banger.conf, then systemctl restart unbound\n" + unbound_file(server);
    case Resolver::resolv: return resolv_recipe(server);
    }
    return {};
}

sdk::Result<std::string> install_route(const std::string& root, const std::string& instance, const NameServer& server,
                                       const ReadAgain& read_again)
{
    const std::string path = drop_in_path(root, instance);
    auto before = read_ours(path, sdk::Code::exists);
    if (!before)
        return std::move(before).error();
    if (auto made = sdk::os::make_directories(path.substr(0, path.rfind('/'))); !made)
        return std::move(made).error();
    if (auto wrote = write_drop_in(path, resolved_drop_in(server)); !wrote)
        return std::move(wrote).error();
    if (auto read = read_again(); !read) {
        auto error = std::move(read).error().while_doing("use " + path);
        if (auto back = *before ? write_drop_in(path, **before) : sdk::os::remove_file(path); !back)
            error.during.push_back("left behind: " + back.error().message);
        return error;
    }
    return path;
}

sdk::Result<std::string> uninstall_route(const std::string& root, const std::string& instance, const ReadAgain& read_again)
{
    const std::string path = drop_in_path(root, instance);
    auto ours = read_ours(path, sdk::Code::precondition);
    if (!ours)
        return std::move(ours).error();
    if (!*ours)
        return std::string();
    if (auto removed = sdk::os::remove_file(path); !removed)
        return std::move(removed).error();
    if (auto read = read_again(); !read)
        return std::move(read).error().while_doing("forget " + path + ", which is removed");
    return path;
}

}  // namespace banger::cli
