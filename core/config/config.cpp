// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/config.hpp"

#include <sys/stat.h>

#include <charconv>

#include "banger/sdk/os/file.hpp"

namespace banger::config {

std::string_view to_string(Origin origin)
{
    switch (origin) {
        case Origin::built_in: return "built-in";
        case Origin::host: return "host";
        case Origin::file: return "config";
        case Origin::flag: return "flag";
    }
    return "built-in";
}

Config defaults(const HostFacts& host)
{
    constexpr std::uint64_t workers = 16;
    constexpr std::chrono::minutes plugin_deadline{2};
    constexpr std::chrono::minutes boot_timeout{2};
    constexpr std::uint64_t pause_below = 512ULL << 20U;
    constexpr std::uint64_t history_depth = 50;
    constexpr std::uint64_t most_image_entries = 4'000'000;
    constexpr std::uint64_t most_image_bytes = 64ULL << 30U;
    const std::string cpus = std::to_string(host.cpus) + (host.cpus == 1 ? " CPU" : " CPUs");
    const std::string memory = std::to_string(host.memory_mib) + " MiB of memory";
    Config config;
    config.vm_defaults = {
        .vcpu = {default_vcpus(host), Origin::host, cpus},
        .memory_mib = {default_memory_mib(host), Origin::host, memory},
        .disk_bytes = {default_disk_bytes, Origin::built_in, {}},
        .image = {"debian-bookworm", Origin::built_in, {}},
        .kernel = {"", Origin::built_in, {}},
        .egress = {"internet", Origin::built_in, {}},
        .ready = {"auto", Origin::built_in, {}},
        .init = {"auto", Origin::built_in, {}},
        .publish = {"auto", Origin::built_in, {}},
        .git_identity = {true, Origin::built_in, {}},
    };
    config.backends = {
        .vmm = {"auto", Origin::built_in, {}},
        .storage = {"auto", Origin::built_in, {}},
        .network = {"auto", Origin::built_in, {}},
    };
    config.daemon = {
        .workers = {workers, Origin::built_in, {}},
        .plugin_deadline = {plugin_deadline, Origin::built_in, {}},
        .boot_timeout = {boot_timeout, Origin::built_in, {}},
        .auto_stop_stale_after = {std::chrono::milliseconds(0), Origin::built_in, {}},
        .ssh_key_path = {"", Origin::built_in, {}},
        .pause_below = {pause_below, Origin::built_in, {}},
    };
    config.workspace = {
        .depth = {history_depth, Origin::built_in, {}},
        .tracked_only = {false, Origin::built_in, {}},
    };
    config.images = {
        .most_entries = {most_image_entries, Origin::built_in, {}},
        .most_bytes = {most_image_bytes, Origin::built_in, {}},
    };
    config.ports = {
        .addresses = {"127.86.0.0/16", Origin::built_in, {}},
    };
    return config;
}

sdk::Result<Config> load(const std::string& file, const HostFacts& host)
{
    // Before the text: what is written between the two is noticed at the next look.
    std::string stamp = stamp_of(file);
    auto text = sdk::os::read_file(file, 1U << 20U);
    if (!text && text.error().code != sdk::Code::not_found)
        return std::move(text).error().while_doing("read the configuration");
    auto config = text ? parse(*text, file, host) : sdk::Result<Config>(defaults(host));
    if (config) {
        config->file = file;
        config->stamp = std::move(stamp);
    }
    return config;
}

std::string stamp_of(const std::string& file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0)
        return "none";
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" + std::to_string(status.st_size) + ":" +
           std::to_string(status.st_ctim.tv_sec) + "." + std::to_string(status.st_ctim.tv_nsec);
}

std::uint64_t line_in(std::string_view message, std::string_view file)
{
    std::uint64_t line = 0;
    if (message.starts_with(file) && message.substr(file.size()).starts_with(':'))
        std::from_chars(message.data() + file.size() + 1, message.data() + message.size(), line);
    return line;
}

}  // namespace banger::config
