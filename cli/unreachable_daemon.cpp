// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/unreachable_daemon.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::cli {
namespace {

constexpr std::chrono::seconds patience_for_end{20};

std::string proc_of(pid_t pid)
{
    return "/proc/" + std::to_string(pid);
}

// The daemon writes its pid there once it has the lock. Others may have the number by now.
pid_t pid_in(const std::string& lock_file)
{
    pid_t pid = 0;
    if (auto text = sdk::os::read_file(lock_file, 64); text)
        std::from_chars(text->data(), text->data() + text->size(), pid);
    return pid;
}

bool is_our_bangerd(pid_t pid)
{
    struct stat owner {};
    std::error_code failed;
    std::string program = std::filesystem::read_symlink(proc_of(pid) + "/exe", failed).filename();
    constexpr std::string_view deleted = " (deleted)";  // proc(5): the file was replaced by an update
    if (program.ends_with(deleted))
        program.erase(program.size() - deleted.size());
    return !failed && program == "bangerd" && ::stat(proc_of(pid).c_str(), &owner) == 0 && owner.st_uid == ::geteuid();
}

// The runtime directory that a process derives from its environment; empty if that cannot be told.
std::string runtime_of(pid_t pid)
{
    auto text = sdk::os::read_file(proc_of(pid) + "/environ");
    if (!text)
        return {};
    std::map<std::string, std::string> variables;
    std::istringstream all(*text);
    for (std::string one; std::getline(all, one, '\0');)
        if (const auto equals = one.find('='); equals != std::string::npos)
            variables.emplace(one.substr(0, equals), one.substr(equals + 1));
    auto paths = config::Paths::find([&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
    return paths ? paths->runtime : std::string();
}

}  // namespace

sdk::Result<bool> stop_unreachable_daemon(const config::Paths& paths)
{
    const pid_t pid = pid_in(paths.lock_file());
    if (pid <= 1)
        return false;
    auto process = sdk::os::identify(pid);  // before looking at it, so that it is what was looked at
    if (!process || !is_our_bangerd(pid) || runtime_of(pid) != paths.runtime)
        return false;
    if (auto ended = sdk::os::kill_and_wait(*process, SIGTERM, patience_for_end); !ended)
        return std::move(ended).error().with_hint("end process " + std::to_string(pid) + "; machines go on");
    return true;
}

}  // namespace banger::cli
