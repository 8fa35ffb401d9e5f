// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/places.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "core/config/file_sync.hpp"
#include "core/log/log.hpp"
#include "core/plugins/discover.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"

namespace banger::daemon {
namespace {

std::string own_directory()
{
    std::array<char, PATH_MAX> path{};
    const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
    const std::string program(path.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    return program.substr(0, program.rfind('/'));
}

std::vector<std::string> beside(const std::string& from_libexec, const std::string& from_build)
{
    const std::string here = own_directory();
    return {here + "/" + from_libexec, here + "/" + from_build};
}

}  // namespace

sdk::Result<std::string> find_agent_program()
{
    if (const char* named = std::getenv("BANGER_AGENT"); named != nullptr && *named != '\0')
        return std::string(named);
    for (const auto& candidate : beside("banger-vsock-agent", "../bin/banger-vsock-agent"))
        if (::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    return sdk::make_error(sdk::Code::not_found, "the guest agent banger-vsock-agent is missing",
                           "install banger again: its files are incomplete");
}

std::vector<std::string> plugin_directories()
{
    std::vector<std::string> present;
    for (const auto& candidate : beside(BANGER_PLUGINS_FROM_LIBEXEC, "../lib/banger/plugins"))
        if (sdk::os::exists(candidate))
            present.push_back(candidate);
    return plugins::search_path(present);
}

plugins::Registry::Settings registry_settings(const config::Paths& paths, const config::Config& config,
                                              const std::string& instance)
{
    plugins::Registry::Settings settings;
    settings.directories = plugin_directories();
    settings.config = config.plugins;
    if (!config.file_sync.empty() || config.vm_defaults.git_identity.origin == config::Origin::file)
        settings.config[std::string(config::file_sync_plugin)] = config::file_sync_section(config);
    settings.instance = instance;
    settings.cache_directory = paths.plugin_cache();
    settings.vms_directory = paths.vms();
    if (::geteuid() != 0) {
        settings.stand_in = privd::stand_in(rpc::helper::socket, {instance, paths.vms()});
        settings.jails = privd::jails(rpc::helper::socket, {instance, paths.vms()});
    }
    settings.in_flight_file = paths.plugins_in_flight();
    settings.crash_directory = paths.plugin_crashes();
    settings.deadlines.open = config.daemon.plugin_deadline.value;
    settings.deadlines.change = config.daemon.plugin_deadline.value;
    settings.log = [](sdk::LogLevel level, const std::string& plugin, std::string_view message) {
        log::write(level, "[" + plugin + "] " + std::string(message));
    };
    return settings;
}

}  // namespace banger::daemon
