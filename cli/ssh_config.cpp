// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/ssh_config.hpp"

#include <sys/stat.h>

#include <climits>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

constexpr std::size_t longest_config = 4U << 20U;
constexpr mode_t mode_of_new = 0600;

constexpr std::string_view before_instance = "# begin of what banger ";
constexpr std::string_view after_instance = " added (`banger ssh-config --uninstall` removes it)\n";

std::string begin_line(const std::string& instance)
{
    return std::string(before_instance) + instance + std::string(after_instance);
}

std::string end_line(const std::string& instance)
{
    return "# end of what banger " + instance + " added\n";
}

std::string in_quotes(const std::string& text)
{
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + "\"";
}

/// As one argument of a setting, whatever is in it.
std::string as_argument(const std::string& text)
{
    return in_quotes(percent_escaped(text));
}

/// As a word of a command that ssh gives the user's shell.
std::string for_shell(const std::string& text)
{
    return percent_escaped(shell_quoted(text));
}

struct UsersFile {
    std::string path;  ///< behind all links
    std::string text;
    mode_t mode = mode_of_new;
};

sdk::Result<UsersFile> read(const std::string& file)
{
    UsersFile found{file, {}, mode_of_new};
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr), &std::free);
    if (!real)
        return errno == ENOENT ? sdk::Result<UsersFile>(found) : sdk::os_error("find " + file);
    found.path = real.get();
    auto text = sdk::os::read_file(found.path, longest_config);
    if (!text)
        return std::move(text).error();
    found.text = std::move(*text);
    struct stat status {};
    if (::stat(found.path.c_str(), &status) == 0)
        found.mode = status.st_mode & 07777U;
    return found;
}

/// Removes the block; false if there is none.
sdk::Result<bool> cut_block(UsersFile& file, const std::string& instance)
{
    const auto begin = file.text.find(begin_line(instance));
    const auto end = file.text.find(end_line(instance));
    if (begin == std::string::npos && end == std::string::npos)
        return false;
    if (begin == std::string::npos || end == std::string::npos || end < begin)
        return sdk::make_error(sdk::Code::corrupt, file.path + " has only part of what banger added",
                               "remove the lines that name banger by hand");
    file.text.erase(begin, end + end_line(instance).size() - begin);
    return true;
}

sdk::Result<void> write(const UsersFile& file)
{
    return sdk::os::write_file_atomic(file.path, file.text, file.mode);
}

}  // namespace

std::string ssh_settings(const std::string& program, const std::string& zone, const std::string& identity)
{
    return "# Written by `banger ssh-config`.\nHost *." + zone + "\n    User root\n    IdentityFile " +
           as_argument(identity) +
           "\n    IdentitiesOnly yes\n"
           "    UserKnownHostsFile /dev/null\n    GlobalKnownHostsFile /dev/null\n    KnownHostsCommand " +
           as_argument(program) + " vm host-key --zone " + zone +
           " %H\n    StrictHostKeyChecking yes\n    UpdateHostKeys no\n    ProxyCommand " +
           for_shell(program) + " vm proxy --zone " + zone + " '%n' 22\n";
}

sdk::Result<void> include_in(const std::string& file, const std::string& settings, const std::string& instance)
{
    auto users = read(file);
    if (!users)
        return std::move(users).error();
    if (auto cut = cut_block(*users, instance); !cut)
        return std::move(cut).error();
    users->text = begin_line(instance) + "Include " + in_quotes(settings) + "\n" + end_line(instance) + users->text;
    return write(*users);
}

sdk::Result<std::vector<std::string>> others_included_in(const std::string& file, const std::string& instance)
{
    auto users = read(file);
    if (!users)
        return std::move(users).error();
    std::vector<std::string> others;
    for (auto at = users->text.find(before_instance); at != std::string::npos; at = users->text.find(before_instance, at)) {
        at += before_instance.size();
        const auto end = users->text.find(after_instance, at);
        if (std::string other = users->text.substr(at, end - at); end != std::string::npos && other != instance)
            others.push_back(std::move(other));
    }
    return others;
}

sdk::Result<bool> exclude_from(const std::string& file, const std::string& instance)
{
    auto users = read(file);
    if (!users)
        return std::move(users).error();
    auto cut = cut_block(*users, instance);
    if (!cut || !*cut)
        return cut;
    if (auto written = write(*users); !written)
        return std::move(written).error();
    return true;
}

}  // namespace banger::cli
