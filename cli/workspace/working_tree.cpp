// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/working_tree.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/git.hpp"

namespace banger::workspace {
namespace {

std::string below(const std::string& prefix, const std::string& name)
{
    return prefix.empty() ? name : prefix + "/" + name;
}

}  // namespace

sdk::Result<WorkingTree> WorkingTree::open(const std::string& path, bool tracked_only, int interrupt)
{
    auto repository = find_repository(path, interrupt);
    if (!repository)
        return std::move(repository).error();
    WorkingTree files;
    files.tracked_only_ = tracked_only;
    files.interrupt_ = interrupt;
    files.directory_.reset(::open(repository->root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!files.directory_)
        return sdk::os_error("read " + cli::quoted(repository->root));
    files.repositories_.emplace("", std::move(*repository));
    return files;
}

sdk::Result<std::set<std::string>> WorkingTree::names()
{
    std::set<std::string> names;
    if (!repository().is_git) {
        auto all = tree::scan(directory_.get());
        if (!all)
            return std::move(all).error();
        for (const auto& [name, stamp] : *all)
            names.insert(names.end(), name);
        return names;
    }
    const Repository top = repository();
    repositories_.clear();
    hollow_.clear();
    if (auto listed = list("", top, names); !listed)
        return std::move(listed).error();
    return names;
}

sdk::Result<void> WorkingTree::list(const std::string& prefix, const Repository& repository, std::set<std::string>& names)
{
    repositories_.insert_or_assign(prefix, repository);
    auto files = files_of(repository, tracked_only_, interrupt_);
    if (!files)
        return std::move(files).error();
    for (const auto* list : {&files->tracked, &files->untracked})
        for (const auto& name : *list)
            names.insert(below(prefix, name));
    for (const auto& name : files->hollow)
        hollow_.insert(below(prefix, name));
    for (const auto& name : files->submodules) {
        auto submodule = find_repository(repository.root + "/" + name, interrupt_);
        if (!submodule)
            return std::move(submodule).error().while_doing("look at the submodule " + cli::quoted(name));
        if (auto listed = list(below(prefix, name), *submodule, names); !listed)
            return listed;
    }
    return {};
}

/// The innermost repository that has the name; nothing if that is one inside which is no submodule, or one that is not
/// checked out.
const std::string* WorkingTree::repository_of(const std::string& name) const
{
    for (auto slash = name.rfind('/'); slash != std::string::npos && slash > 0; slash = name.rfind('/', slash - 1)) {
        const std::string above = name.substr(0, slash);
        if (const auto found = repositories_.find(above); found != repositories_.end())
            return &found->first;
        if (hollow_.count(above) != 0 || sdk::os::exists(root() + "/" + above + "/.git"))
            return nullptr;
    }
    return &repositories_.begin()->first;
}

std::map<std::string, std::set<std::string>> WorkingTree::questions_of(const std::set<std::string>& names) const
{
    std::map<std::string, std::set<std::string>> questions;
    for (const auto& name : names)
        if (const auto* prefix = repository_of(name);
            prefix != nullptr && !tree::is_in_git_directory(name) && !is_behind_link(name))
            questions[*prefix].insert(prefix->empty() ? name : name.substr(prefix->size() + 1));
    return questions;
}

/// git tells a directory that is not here from a file by the slash at its end. But with that a pattern such as "a/*" has
/// "a/" as well, which it does not pass over: so it asks for the name alone too, unless the pattern is one for directories.
sdk::Result<std::set<std::string>> WorkingTree::entered(const std::set<std::string>& directories) const
{
    std::set<std::string> entered;
    for (const auto& [prefix, names] : questions_of(directories)) {
        std::string input;
        for (const auto& name : names)
            input.append(name).append("/\0", 2).append(name).push_back('\0');
        auto matches =
            Git(repositories_.at(prefix).root, interrupt_).filter({"check-ignore", "-z", "-v", "--stdin"}, input);
        if (!matches)
            return std::move(matches).error();
        std::set<std::string> alone;
        std::set<std::string> with_slash;
        std::set<std::string> passed;
        const auto parts = nul_terminated(*matches);  // source, line, pattern and path of each, git-check-ignore(1)
        for (std::size_t at = 0; at + 3 < parts.size(); at += 4) {
            const std::string& pattern = parts[at + 2];
            std::string name = parts[at + 3];
            if (pattern.starts_with('!'))
                continue;
            if (!name.ends_with('/')) {
                alone.insert(name);
                continue;
            }
            name.pop_back();
            (pattern.ends_with('/') && !pattern.ends_with("*/") ? passed : with_slash).insert(name);
        }
        for (const auto& name : names)
            if (passed.count(name) == 0 && (alone.count(name) == 0 || with_slash.count(name) == 0) &&
                hollow_.count(below(prefix, name)) == 0)
                entered.insert(below(prefix, name));
    }
    return entered;
}

sdk::Result<std::set<std::string>> WorkingTree::considered(const std::set<std::string>& names)
{
    if (!repository().is_git)
        return names;
    if (tracked_only_)  // what becomes tracked changes the index, and then everything is looked at
        return std::set<std::string>();
    auto questions = questions_of(names);
    std::set<std::string> yes;
    for (auto& [prefix, asked] : questions) {
        auto considered = not_ignored(prefix, std::move(asked));
        if (!considered)
            return considered;
        for (const auto& name : *considered)
            yes.insert(below(prefix, name));
    }
    return yes;
}

sdk::Result<std::set<std::string>> WorkingTree::not_ignored(const std::string& prefix, std::set<std::string> names)
{
    std::string input;
    for (const auto& name : names)
        input.append(name).push_back('\0');
    // It ends with status 1 where nothing is ignored, which is no failure.
    auto ignored = Git(repositories_.at(prefix).root, interrupt_).filter({"check-ignore", "-z", "--stdin"}, input);
    if (!ignored)
        return std::move(ignored).error();
    for (const auto& name : nul_terminated(*ignored)) {
        names.erase(name);
        if (is_directory(below(prefix, name))) {
            ignored_.insert(below(prefix, name));
            if (watcher_)
                watcher_->forget(below(prefix, name));
        }
    }
    return names;
}

bool WorkingTree::is_behind_link(const std::string& name) const
{
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        struct stat status {};
        if (::fstatat(directory_.get(), name.substr(0, slash).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
            return false;
        if (S_ISLNK(status.st_mode))
            return true;
    }
    return false;
}

sdk::Result<void> WorkingTree::find_ignored(const std::string& prefix, const Repository& repository)
{
    auto ignored = Git(repository.root, interrupt_)
                       .run({"ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"});
    if (!ignored)
        return std::move(ignored).error();
    for (const auto& name : nul_terminated(*ignored))
        if (name.ends_with('/'))
            ignored_.insert(below(prefix, name.substr(0, name.size() - 1)));
    return {};
}

bool WorkingTree::passes(const std::string& directory) const
{
    if (ignored_.count(directory) != 0)
        return true;
    return repositories_.count(directory) == 0 && sdk::os::exists(root() + "/" + directory + "/.git");
}

sdk::Result<void> WorkingTree::watch()
{
    ignored_.clear();
    if (auto listed = names(); !listed)  // which finds the submodules, to be watched too
        return std::move(listed).error();
    if (repository().is_git)
        for (const auto& [prefix, repository] : repositories_)
            if (auto found = find_ignored(prefix, repository); !found)
                return found;
    watcher_.reset();  // its watches count until then
    auto watcher = tree::Watcher::open(root(), [this](const std::string& directory) { return passes(directory); });
    if (!watcher)
        return std::move(watcher).error();
    watcher_.emplace(std::move(*watcher));
    watch_git_state();
    auto forced_now = forced();
    if (!forced_now)
        return std::move(forced_now).error();
    forced_ = std::move(*forced_now);
    return {};
}

/// Best effort: without it a switch of branches still shows in the files.
void WorkingTree::watch_git_state()
{
    git_state_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!repository().is_git)
        return;
    for (const auto& [prefix, repository] : repositories_)
        for (const auto& directory : {repository.git_directory, repository.common_directory + "/info"})
            ::inotify_add_watch(git_state_.get(), directory.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE);
}

sdk::Result<std::set<std::string>> WorkingTree::forced() const
{
    std::set<std::string> forced;
    if (!repository().is_git)
        return forced;
    for (const auto& [prefix, repository] : repositories_) {
        auto listed =
            Git(repository.root, interrupt_).run({"ls-files", "-z", "--cached", "--ignored", "--exclude-standard"});
        if (!listed)
            return std::move(listed).error();
        for (const auto& name : nul_terminated(*listed))
            forced.insert(below(prefix, name));
    }
    return forced;
}

/// The index changes with each `git status` too: what it says of files that are not ignored is nothing new.
void WorkingTree::take_git_state(tree::Happened& happened)
{
    bool index_changed = false;
    alignas(inotify_event) std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (ssize_t got = 0; (got = ::read(git_state_.get(), buffer.data(), buffer.size())) > 0;)
        for (const char* at = buffer.data(); at < buffer.data() + got;) {
            const auto& event = *reinterpret_cast<const inotify_event*>(at);
            at += sizeof event + event.len;
            const std::string_view name = event.len == 0 ? "" : &event.name[0];
            index_changed = index_changed || name == "index";
            if ((event.mask & IN_Q_OVERFLOW) != 0 || name == "HEAD" || name == "exclude" ||
                (name == "index" && tracked_only_))
                happened.everything = true;
        }
    if (index_changed && !happened.everything) {
        const auto now = forced();
        happened.everything = !now || *now != forced_;  // a git that fails says why when everything is looked at
    }
}

sdk::Result<void> WorkingTree::take(tree::Happened& happened)
{
    take_git_state(happened);
    if (auto taken = watcher_->take(happened); !taken)
        return taken;
    for (const auto& name : happened.names)
        if (name == ".gitignore" || name.ends_with("/.gitignore") || name == ".gitmodules")
            happened.everything = happened.everything || repository().is_git;
    return {};
}

bool WorkingTree::is_directory(const std::string& name) const
{
    struct stat status {};
    return ::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace banger::workspace
