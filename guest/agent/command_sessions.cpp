// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/command_sessions.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>

#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr std::string_view record_suffix = ".json";
constexpr std::size_t longest_made_name = 32;

bool is_program(const std::string& path)
{
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && (facts.st_mode & 0111U) != 0;
}

std::string path_of(const Launch& launch)
{
    constexpr std::string_view name = "PATH=";
    for (const auto& variable : launch.env)
        if (variable.starts_with(name))
            return variable.substr(name.size());
    return {};
}

/// As execvp(3) would find it.
bool is_there(const std::string& command, const Launch& launch)
{
    const auto below = [&](const std::string& directory) {
        const std::string place = directory.starts_with('/') ? directory : launch.cwd + "/" + directory;
        return is_program(place + "/" + command);
    };
    if (command.starts_with('/'))
        return is_program(command);
    if (command.find('/') != std::string::npos)
        return below("");
    const std::string path = path_of(launch);
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find(':', at), path.size());
        if (below(path.substr(at, end - at)))
            return true;
        at = end + 1;
    }
    return false;
}

sdk::Result<void> check(const SessionSpec& spec, const Launch& launch)
{
    struct stat facts {};
    if (stat(launch.cwd.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
        return sdk::make_error(sdk::Code::not_found, "there is no directory '" + launch.cwd + "' in the guest");
    const std::string hint = "its PATH is " + path_of(launch);
    for (const auto& command : spec.require)
        if (!is_there(command, launch))
            return sdk::make_error(sdk::Code::not_found,
                                   "the session needs '" + command + "', which is not in the guest", hint);
    if (!is_there(launch.argv[0], launch))
        return sdk::make_error(sdk::Code::not_found, "there is no command '" + launch.argv[0] + "' in the guest", hint);
    return {};
}

}  // namespace

CommandSessions::Sessions& CommandSessions::known()
{
    if (std::exchange(loaded_, true))
        return sessions_;
    const std::unique_ptr<DIR, int (*)(DIR*)> files(opendir(directory_.c_str()), &closedir);
    while (const dirent* entry = files ? readdir(files.get()) : nullptr) {
        std::string name = entry->d_name;
        if (!name.ends_with(record_suffix))
            continue;
        name.erase(name.size() - record_suffix.size());
        if (!check_session_name(name))
            continue;
        if (auto session = CommandSession::load(loop_, processes_, directory_, name))
            sessions_.emplace(name, std::move(session));
    }
    return sessions_;
}

std::string CommandSessions::made_name(const std::string& command)
{
    std::string word = command.substr(command.rfind('/') + 1).substr(0, longest_made_name);
    std::erase_if(word, [](char c) { return !check_session_name(std::string(1, c)); });
    if (word.empty())
        word = "session";
    std::string name = word;
    for (std::size_t number = 2; known().contains(name); ++number)
        name = word + "-" + std::to_string(number);
    return name;
}

/// For one more, of that name.
sdk::Result<void> CommandSessions::make_room(const std::string& name)
{
    auto& all = known();
    auto leaves = all.find(name);
    if (leaves != all.end() && leaves->second->running())
        return sdk::make_error(sdk::Code::exists, "session '" + name + "' runs already",
                               "attach to it, stop it, or choose another name");
    if (leaves == all.end() && all.size() < most_sessions)
        return {};
    if (leaves == all.end())
        for (auto one = all.begin(); one != all.end(); ++one)
            if (!one->second->running() &&
                (leaves == all.end() || one->second->facts().started_s < leaves->second->facts().started_s))
                leaves = one;
    if (leaves == all.end())
        return sdk::make_error(sdk::Code::busy,
                               "there are " + std::to_string(most_sessions) + " sessions that run in the vm already",
                               "stop one of them");
    leaves->second->forget();
    all.erase(leaves);
    return {};
}

sdk::Result<SessionFacts> CommandSessions::start(SessionSpec spec)
{
    auto launch = launch_of(spec.exec);
    if (!launch)
        return std::move(launch.error());
    if (auto checked = check(spec, *launch); !checked)
        return std::move(checked.error());
    if (spec.name.empty())
        spec.name = made_name(launch->argv[0]);
    if (auto made = make_room(spec.name); !made)
        return std::move(made.error());
    make_directories(parent_of(directory_));
    mkdir(directory_.c_str(), 0700);
    auto session = CommandSession::start(loop_, processes_, directory_, spec, *launch);
    if (!session)
        return std::move(session.error());
    known().emplace(spec.name, *session);
    return (*session)->facts();
}

std::vector<SessionFacts> CommandSessions::list()
{
    std::vector<SessionFacts> all;
    for (const auto& [name, session] : known())
        all.push_back(session->facts());
    return all;
}

sdk::Result<std::shared_ptr<CommandSession>> CommandSessions::find(const std::string& name)
{
    const auto found = known().find(name);
    if (found == known().end())
        return sdk::make_error(sdk::Code::not_found, "there is no session '" + name + "' in the vm",
                               "see `banger vm session list`");
    return found->second;
}

void CommandSessions::machine_stops()
{
    for (const auto& [name, session] : sessions_)
        session->machine_stops();
}

}  // namespace banger::agent
