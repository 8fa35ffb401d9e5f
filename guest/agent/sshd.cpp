// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/sshd.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr const char* config_path = "/etc/ssh/sshd_config";
constexpr std::string_view drop_ins = "/etc/ssh/sshd_config.d/";
constexpr std::string_view drop_in_name = "00-banger.conf";

// All of them are older than OpenSSH 6.
constexpr std::string_view settings =
    "# Written by banger, once: whoever has one of root's authorized keys is let in, and nobody by a password.\n"
    "PermitRootLogin prohibit-password\n"
    "PubkeyAuthentication yes\n"
    "PasswordAuthentication no\n"
    "KbdInteractiveAuthentication no\n"
    "StrictModes yes\n";

/// The same once more, as far as it can be in one: a Match block goes before all that is in none, and of several the first counts.
constexpr std::string_view match_block =
    "Match User *\n"
    "    PermitRootLogin prohibit-password\n"
    "    PubkeyAuthentication yes\n"
    "    PasswordAuthentication no\n"
    "    KbdInteractiveAuthentication no\n";

std::string drop_in_path()
{
    return std::string(drop_ins) + std::string(drop_in_name);
}

std::string include_of_ours()
{
    return "Include " + drop_in_path() + "\n";
}

/// The keyword of a line, which counts in any case (sshd_config(5)), in lower case.
std::string keyword_of(std::string_view line)
{
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    std::string word(line.substr(0, line.find_first_of(" \t=\r")));
    for (char& c : word)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return word;
}

/// Where the first line with this keyword begins.
std::optional<std::size_t> find_keyword(const std::string& config, std::string_view keyword)
{
    std::string_view left = config;
    while (!left.empty()) {
        const std::size_t at = config.size() - left.size();
        if (keyword_of(take_line(left)) == keyword)
            return at;
    }
    return std::nullopt;
}

std::vector<std::string> names_in(const std::string& directory_path)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(directory_path.c_str()), &closedir);
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr)
        names.emplace_back(entry->d_name);
    return names;
}

/// Root's, and nobody else writes there.
void close_to_others(const char* path)
{
    struct stat status {};
    if (stat(path, &status) != 0)
        return;
    if (status.st_uid != 0 && chown(path, 0, 0) != 0)
        return;
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        chmod(path, status.st_mode & 07777U & ~static_cast<mode_t>(S_IWGRP | S_IWOTH));
}

sdk::Result<void> install_authorized_keys(const std::vector<std::string>& keys)
{
    if (keys.empty())
        return {};
    make_directories("/root");
    close_to_others("/root");
    mkdir("/root/.ssh", 0700);
    close_to_others("/root/.ssh");
    chmod("/root/.ssh", 0700);
    const char* path = "/root/.ssh/authorized_keys";
    return replace_file(path, merge_lines(small_file(path), keys), 0600);
}

sdk::Result<void> install_settings()
{
    const auto config = small_file(config_path);
    const auto wanted = with_key_settings(config, names_in(std::string(drop_ins)));
    if (wanted != config)
        if (auto written = replace_file(config_path, wanted, 0644); !written)
            return written;
    if (!includes_files(wanted))
        return {};
    const auto path = drop_in_path();
    // An earlier banger wrote them without the block.
    if (access(path.c_str(), F_OK) == 0 && small_file(path.c_str()) != settings)
        return {};
    make_directories(parent_of(path));
    return replace_file(path, std::string(settings) + "\n" + std::string(match_block), 0644);
}

void remove_foreign_host_keys(const std::vector<Configuration::HostKey>& wanted)
{
    for (const auto& name : foreign_host_keys(names_in("/etc/ssh"), wanted))
        unlink(("/etc/ssh/" + name).c_str());
}

/// sshd holds its host keys in memory; at SIGHUP it starts itself anew and reads them again (sshd(8)).
void tell_sshd()
{
    const auto pid = static_cast<pid_t>(std::atoi(small_line("/run/sshd.pid").c_str()));
    if (pid > 1 && small_line("/proc/" + std::to_string(pid) + "/comm") == "sshd")
        kill(pid, SIGHUP);
}

sdk::Result<void> install_host_keys(const std::vector<Configuration::HostKey>& keys)
{
    make_directories("/etc/ssh");
    make_directories("/run/sshd");  // sshd refuses to start without its privilege separation directory
    for (const auto& key : keys) {
        if (auto written = replace_file("/etc/ssh/" + key.name, key.private_key, 0600); !written)
            return written;
        if (auto written = replace_file("/etc/ssh/" + key.name + ".pub", key.public_key, 0644); !written)
            return written;
    }
    return {};
}

}  // namespace

bool has_sshd()
{
    return access("/usr/sbin/sshd", X_OK) == 0;
}

std::string merge_lines(std::string existing, const std::vector<std::string>& wanted)
{
    if (!existing.empty() && existing.back() != '\n')
        existing.push_back('\n');
    for (const auto& line : wanted)
        if (("\n" + existing).find("\n" + line + "\n") == std::string::npos)
            existing += line + "\n";
    return existing;
}

std::vector<std::string> foreign_host_keys(const std::vector<std::string>& files,
                                           const std::vector<Configuration::HostKey>& wanted)
{
    std::vector<std::string> foreign;
    for (const auto& file : files) {
        const auto is_it = [&](const auto& key) { return file == key.name || file == key.name + ".pub"; };
        const bool host_key = file.starts_with("ssh_host_") && (file.ends_with("_key") || file.ends_with("_key.pub"));
        if (host_key && std::none_of(wanted.begin(), wanted.end(), is_it))
            foreign.push_back(file);
    }
    return foreign;
}

bool includes_files(const std::string& sshd_config)
{
    return find_keyword(sshd_config, "include").has_value();
}

bool begins_with_drop_ins(std::string_view sshd_config)
{
    while (!sshd_config.empty()) {
        const auto line = take_line(sshd_config);
        const auto keyword = keyword_of(line);
        if (keyword.empty() || keyword.front() == '#')
            continue;
        return keyword == "include" && line.find("/etc/ssh/sshd_config.d/*.conf") != std::string_view::npos;
    }
    return false;
}

std::string with_key_settings(const std::string& sshd_config, const std::vector<std::string>& drop_in_names)
{
    if (includes_files(sshd_config)) {
        const bool ours_is_first =
            sshd_config.starts_with(include_of_ours()) ||
            (begins_with_drop_ins(sshd_config) &&
             std::none_of(drop_in_names.begin(), drop_in_names.end(),
                          [](const auto& name) { return name.ends_with(".conf") && name < drop_in_name; }));
        return ours_is_first ? sshd_config : include_of_ours() + sshd_config;
    }
    std::string config = sshd_config.starts_with(settings) ? sshd_config : std::string(settings) + "\n" + sshd_config;
    const auto match = find_keyword(config, "match");
    if (match && config.find(match_block) == std::string::npos)
        config.insert(*match, std::string(match_block) + "\n");
    return config;
}

sdk::Result<void> install_ssh(const Configuration& configuration, Before before)
{
    if (auto done = install_authorized_keys(configuration.authorized_keys); !done)
        return done;
    if (!has_sshd())
        return {};
    if (before == Before::another)
        remove_foreign_host_keys(configuration.ssh_host_keys);
    if (auto done = install_host_keys(configuration.ssh_host_keys); !done)
        return done;
    if (auto done = install_settings(); !done)
        return done;
    if (before == Before::another)
        tell_sshd();
    return {};
}

}  // namespace banger::agent
