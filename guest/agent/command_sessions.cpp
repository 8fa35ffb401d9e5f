// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/command_sessions.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr std::size_t longest_made_name = 32;
/// Less than whoever asks waits for the agent.
constexpr std::chrono::seconds patience_for_needs{10};

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

sdk::Result<Launch> checked_launch(const SessionSpec& spec)
{
    auto launch = launch_of(spec.exec);
    if (!launch)
        return launch;
    if (auto checked = check(spec, *launch); !checked)
        return std::move(checked.error());
    return launch;
}

std::vector<CommandSession::Found> find_sessions(const std::string& directory)
{
    std::vector<CommandSession::Found> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> files(opendir(directory.c_str()), &closedir);
    while (const dirent* entry = files ? readdir(files.get()) : nullptr) {
        const std::string file = entry->d_name;
        const std::string name = file.substr(0, file.rfind('.'));
        if (!check_session_name(name))
            continue;
        if (file.ends_with(CommandSession::log_suffix) &&
            access((directory + "/" + name + CommandSession::record_suffix).c_str(), F_OK) != 0 && errno == ENOENT)
            unlink((directory + "/" + file).c_str());  // nobody knows what it is of
        if (!file.ends_with(CommandSession::record_suffix))
            continue;
        if (auto session = CommandSession::find(directory, name))
            all.push_back(std::move(*session));
    }
    return all;
}

}  // namespace

void CommandSessions::when_known(std::function<void()> then)
{
    if (known_)
        return then();
    when_known_.push_back(std::move(then));
    if (when_known_.size() > 1)
        return;
    const auto found = std::make_shared<std::vector<CommandSession::Found>>();
    files_.run([found, directory = directory_] { *found = find_sessions(directory); },
               [this, found] {
                   known_ = true;
                   for (auto& [facts, log] : *found)
                       sessions_.emplace(facts.name, std::make_shared<CommandSession>(host(), facts, std::move(log)));
                   for (const auto& waiting : std::exchange(when_known_, {}))
                       waiting();
               });
}

std::string CommandSessions::made_name(const std::string& command) const
{
    std::string word = command.substr(command.rfind('/') + 1).substr(0, longest_made_name);
    std::erase_if(word, [](char c) { return !check_session_name(std::string(1, c)); });
    if (word.empty())
        word = "session";
    std::string name = word;
    for (std::size_t number = 2; sessions_.contains(name); ++number)
        name = word + "-" + std::to_string(number);
    return name;
}

/// Who has to leave when one more of that name begins; the end if nobody has.
sdk::Result<CommandSessions::Sessions::iterator> CommandSessions::leaving_for(const std::string& name)
{
    auto& all = sessions_;
    auto leaves = all.find(name);
    if (leaves != all.end() && leaves->second->running())
        return sdk::make_error(sdk::Code::exists, "session '" + name + "' runs already",
                               "attach to it, stop it, or choose another name");
    if (leaves != all.end() || all.size() < most_sessions)
        return leaves;
    for (auto one = all.begin(); one != all.end(); ++one)
        if (!one->second->running() &&
            (leaves == all.end() || one->second->facts().started_s < leaves->second->facts().started_s))
            leaves = one;
    if (leaves == all.end())
        return sdk::make_error(sdk::Code::busy,
                               "there are " + std::to_string(most_sessions) + " sessions that run in the vm already",
                               "stop one of them");
    return leaves;
}

void CommandSessions::start(SessionSpec spec, Started started)
{
    when_known([this, spec = std::move(spec), started = std::move(started)]() mutable {
        look_for_needs(std::move(spec), std::move(started));
    });
}

/// On a thread of its own: the directory may be on a mount that hangs, which is to hold up nobody's log.
void CommandSessions::look_for_needs(SessionSpec spec, Started started)
{
    if (starting_ >= most_sessions)
        return started(sdk::make_error(sdk::Code::busy, "too many sessions are being started in the vm"));
    ++starting_;
    struct Looking {
        explicit Looking(Worker& sibling) : worker(sibling) {}
        std::optional<sdk::Result<Launch>> found;
        Started started;
        EventLoop::Registration too_long;
        Worker worker;
    };
    const auto looking = std::make_shared<Looking>(files_);
    looking->started = std::move(started);
    looking->too_long = loop_.after(patience_for_needs, [looking = std::weak_ptr(looking)] {
        if (const auto late = looking.lock())
            std::exchange(late->started, nullptr)(
                sdk::make_error(sdk::Code::timed_out, "the guest's disk does not say whether what the session needs is there"));
    });
    // It keeps itself for as long as the look takes, which may be for ever.
    looking->worker.run([&found = looking->found, spec] { found = checked_launch(spec); },
                        [this, looking, spec]() mutable {
                            --starting_;
                            looking->too_long.reset();
                            const auto told = std::exchange(looking->started, nullptr);
                            if (told && *looking->found)
                                launch(std::move(spec), **looking->found, told);
                            else if (told)
                                told(std::move(looking->found->error()));
                        });
}

void CommandSessions::launch(SessionSpec spec, const Launch& launch, const Started& started)
{
    if (machine_stops_)
        return started(sdk::make_error(sdk::Code::precondition, "the machine is stopping",
                                       "start the session when it runs again"));
    if (spec.name.empty())
        spec.name = made_name(launch.argv[0]);
    auto leaving = leaving_for(spec.name);
    if (!leaving)
        return started(std::move(leaving.error()));
    struct Answer {
        EventLoop::Registration waiting;
        std::weak_ptr<CommandSession> session;  // which keeps this
    };
    const auto pending = std::make_shared<Answer>();
    const auto answer = [pending, started] {
        if (!pending->waiting)
            return;
        pending->waiting.reset();
        if (const auto session = pending->session.lock())
            started(session->facts());
        else
            started(sdk::make_error(sdk::Code::not_found, "the session ended, and was forgotten for newer ones"));
    };
    auto session = CommandSession::start(
        host(), spec, launch,
        [&] {
            if (*leaving == sessions_.end())
                return;
            (*leaving)->second->forget();
            sessions_.erase(*leaving);
        },
        answer);
    if (!session)
        return started(std::move(session.error()));
    pending->session = *session;
    sessions_.emplace(spec.name, *session);
    pending->waiting = loop_.after(CommandSession::patience_for_disk, answer);
}

std::vector<SessionFacts> CommandSessions::list() const
{
    std::vector<SessionFacts> all;
    for (const auto& [name, session] : sessions_)
        all.push_back(session->facts());
    return all;
}

sdk::Result<std::shared_ptr<CommandSession>> CommandSessions::find(const std::string& name) const
{
    const auto found = sessions_.find(name);
    if (found == sessions_.end())
        return sdk::make_error(sdk::Code::not_found, "there is no session '" + name + "' in the vm",
                               "see `banger vm session list`");
    return found->second;
}

void CommandSessions::machine_stops()
{
    machine_stops_ = true;
    for (const auto& [name, session] : sessions_)
        session->machine_stops();
}

void CommandSessions::end_all(std::chrono::milliseconds limit, const std::function<void()>& then)
{
    struct Ending {
        std::size_t running = 1;  // this function, until it has asked all of them
        EventLoop::Registration too_long;
    };
    const auto ending = std::make_shared<Ending>();
    const auto done = [ending, then] {
        if (!ending->too_long)
            return;
        ending->too_long.reset();
        then();
    };
    const auto ended = [ending, done] {
        if (--ending->running == 0)
            done();
    };
    ending->too_long = loop_.after(limit, done);
    for (const auto& [name, session] : sessions_) {
        ++ending->running;
        session->ask_to_end(ended);
    }
    ended();
}

}  // namespace banger::agent
