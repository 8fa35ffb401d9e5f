// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/unreachable_daemon.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::cli {
namespace {

constexpr std::chrono::seconds patience{20};

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

// The descriptors of a process as the kernel names them, such as socket:[4711].
std::vector<std::string> descriptors_of(pid_t pid)
{
    std::vector<std::string> names;
    std::error_code failed;
    for (std::filesystem::directory_iterator at(proc_of(pid) + "/fd", failed), end; !failed && at != end;
         at.increment(failed)) {
        std::error_code gone;
        names.push_back(std::filesystem::read_symlink(at->path(), gone).string());
    }
    return names;
}

// Whether it holds a socket bound to that path, also where the file is gone: /proc/PID/net/unix keeps the name.
bool is_bound_to(pid_t pid, const std::string& path)
{
    auto table = sdk::os::read_file(proc_of(pid) + "/net/unix");
    if (!table)
        return false;
    const auto held = descriptors_of(pid);
    std::istringstream lines(*table);
    for (std::string line; std::getline(lines, line);) {
        // Num RefCount Protocol Flags Type St Inode Path (proc(5))
        std::istringstream words(line);
        std::string skipped;
        std::string inode;
        std::string bound;
        for (int i = 0; i < 6; ++i)
            words >> skipped;
        words >> inode >> std::ws;
        std::getline(words, bound);
        if (bound == path && std::find(held.begin(), held.end(), "socket:[" + inode + "]") != held.end())
            return true;
    }
    return false;
}

}  // namespace

sdk::Result<bool> stop_unreachable_daemon(const config::Paths& paths)
{
    const pid_t pid = pid_in(paths.lock_file());
    if (pid <= 1)
        return false;
    auto process = sdk::os::identify(pid);  // before looking at it, so that it is what was looked at
    if (!process || !is_our_bangerd(pid) || !is_bound_to(pid, paths.socket()))
        return false;
    if (auto ended = sdk::os::kill_and_wait(*process, SIGTERM, patience); !ended)
        return std::move(ended).error().with_hint("end process " + std::to_string(pid) + "; machines go on");
    return true;
}

}  // namespace banger::cli
