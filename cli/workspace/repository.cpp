// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/repository.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/git.hpp"

namespace banger::workspace {
namespace {

sdk::Result<std::string> absolute_directory(const std::string& path)
{
    std::array<char, PATH_MAX> resolved{};
    if (::realpath(path.c_str(), resolved.data()) == nullptr)
        return sdk::os_error("read " + cli::quoted(path));
    struct stat status {};
    if (::stat(resolved.data(), &status) != 0)
        return sdk::os_error("read " + cli::quoted(path));
    if (!S_ISDIR(status.st_mode))
        return sdk::make_error(sdk::Code::invalid, cli::quoted(path) + " is not a directory",
                               "name a repository or a directory in it");
    return std::string(resolved.data());
}

/// Whether git has something to say about a directory, be it that it does not trust it.
bool is_in_a_repository(std::string directory)
{
    for (;;) {
        if (sdk::os::exists(directory + "/.git") ||
            (sdk::os::exists(directory + "/HEAD") && sdk::os::exists(directory + "/objects")))
            return true;
        if (directory.empty() || directory == "/")
            return false;
        directory.resize(directory.rfind('/'));
    }
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings)
{
    return std::any_of(endings.begin(), endings.end(), [&](std::string_view one) { return name.ends_with(one); });
}

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> beginnings)
{
    return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view one) { return name.starts_with(one); });
}

constexpr std::string_view gitlink = "160000 ";  ///< how git writes down a submodule's place

/// Sockets, FIFOs and devices in the directories of `files`: git has no word for them (git-ls-files(1) shows files and
/// links). Errors: git's.
sdk::Result<std::vector<std::string>> special_beside(const Git& git, const std::string& root, const FileList& files)
{
    std::set<std::string> directories{""};
    for (const auto* names : {&files.tracked, &files.untracked})
        for (const auto& name : *names)
            for (auto slash = name.rfind('/'); slash != std::string::npos && slash != 0; slash = name.rfind('/', slash - 1))
                if (!directories.insert(name.substr(0, slash + 1)).second)
                    break;
    std::string found;
    for (const auto& directory : directories) {
        const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir((root + "/" + directory).c_str()), &::closedir);
        while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr) {
            struct stat status {};
            const bool unsaid = entry->d_type == DT_UNKNOWN;
            if (unsaid && ::fstatat(::dirfd(listing.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
                continue;
            const auto type = unsaid ? IFTODT(status.st_mode) : entry->d_type;
            if (type == DT_SOCK || type == DT_FIFO || type == DT_CHR || type == DT_BLK)
                found.append(directory).append(entry->d_name).push_back('\0');
        }
    }
    if (found.empty())
        return std::vector<std::string>();
    // Whichever git knows as something else is missed as that.
    auto known = git.filter({"check-ignore", "-z", "--stdin"}, found);
    if (!known)
        return std::move(known).error();
    auto left = nul_terminated(*known);
    left.insert(left.end(), files.tracked.begin(), files.tracked.end());
    const std::set<std::string> passed_over(left.begin(), left.end());
    auto special = nul_terminated(found);
    special.erase(std::remove_if(special.begin(), special.end(), [&](const auto& name) { return passed_over.count(name) != 0; }),
                  special.end());
    return special;
}

/// Files and links below a directory; `prefix` is the directory's name in `root`, with a slash.
sdk::Result<void> list_directory(const std::string& root, const std::string& prefix, std::vector<std::string>& names)
{
    namespace fs = std::filesystem;
    std::error_code problem;
    fs::directory_iterator at(root + "/" + prefix, problem);
    while (!problem && at != fs::directory_iterator()) {
        const std::string name = prefix + at->path().filename().string();
        const auto status = at->symlink_status(problem);
        if (problem && problem != std::errc::no_such_file_or_directory)
            break;
        if (fs::is_directory(status))
            if (auto listed = list_directory(root, name + "/", names); !listed)
                return listed;
        if (fs::is_regular_file(status) || fs::is_symlink(status))
            names.push_back(name);
        at.increment(problem);
    }
    if (!problem || problem == std::errc::no_such_file_or_directory)  // it vanished meanwhile
        return {};
    const std::string what = prefix.empty() ? root : prefix.substr(0, prefix.size() - 1);
    return sdk::os_error("read " + cli::quoted(what) + " in " + cli::quoted(root), problem.value());
}

}  // namespace

sdk::Result<Repository> find_repository(const std::string& path, int interrupt)
{
    auto directory = absolute_directory(path);
    if (!directory)
        return std::move(directory).error();
    Repository repository;
    repository.root = *directory;
    repository.is_git = is_in_a_repository(*directory);
    if (!repository.is_git)
        return repository;
    const Git git(*directory, interrupt);
    auto inside = git.line({"rev-parse", "--is-inside-work-tree"});
    if (!inside)
        return std::move(inside).error().while_doing("look at the repository " + cli::quoted(path));
    if (*inside != "true")
        return sdk::make_error(sdk::Code::invalid, cli::quoted(path) + " is a repository without a working tree",
                               "name a checkout of it, such as one made with `git worktree add`");
    auto root = git.line({"rev-parse", "--show-toplevel"});
    auto own = git.line({"rev-parse", "--absolute-git-dir"});
    auto common = git.line({"rev-parse", "--path-format=absolute", "--git-common-dir"});
    for (auto* answer : {&root, &own, &common})
        if (!*answer)
            return std::move(*answer).error();
    repository.root = std::move(*root);
    repository.git_directory = std::move(*own);
    repository.common_directory = std::move(*common);
    repository.head = git.line({"rev-parse", "--verify", "--quiet", "HEAD"}).value_or("");
    // A commit that is not there is no repository without commits: what is damaged here must not go as if it were new.
    if (!repository.head.empty())
        if (auto whole = git.run({"cat-file", "commit", repository.head}); !whole)
            return std::move(whole).error().while_doing("read the commit that is checked out in " +
                                                        cli::quoted(repository.root));
    const std::string branch = git.line({"symbolic-ref", "--quiet", "HEAD"}).value_or("");
    constexpr std::string_view heads = "refs/heads/";
    repository.branch = branch.starts_with(heads) ? branch.substr(heads.size()) : branch;
    return repository;
}

sdk::Result<FileList> files_of(const Repository& repository, bool tracked_only, int interrupt)
{
    FileList files;
    if (!repository.is_git) {
        auto listed = list_directory(repository.root, "", files.untracked);
        return listed ? sdk::Result<FileList>(std::move(files)) : std::move(listed).error();
    }
    const Git git(repository.root, interrupt);
    auto staged = git.run({"ls-files", "-z", "--stage", "-t"});
    if (!staged)
        return std::move(staged).error();
    constexpr std::string_view left_out = "S ";  // git-ls-files(1), -t: skip-worktree
    for (const auto& entry : nul_terminated(*staged)) {
        const std::string name = entry.substr(entry.find('\t') + 1);
        if (entry.compare(left_out.size(), gitlink.size(), gitlink) == 0) {
            (sdk::os::exists(repository.root + "/" + name + "/.git") ? files.submodules : files.hollow).push_back(name);
            continue;
        }
        files.tracked.push_back(name);
        if (entry.starts_with(left_out))
            files.sparse.push_back(name);
    }
    // A file in a conflict has one entry for each side.
    for (auto* names : {&files.tracked, &files.submodules, &files.hollow})
        names->erase(std::unique(names->begin(), names->end()), names->end());
    if (tracked_only)
        return files;
    auto others = git.list({"ls-files", "-z", "--others", "--exclude-standard"});
    if (!others)
        return std::move(others).error();
    for (auto& name : nul_terminated(*others))
        if (name.ends_with('/'))  // git does not look into what is a repository of its own
            files.nested.push_back(name.substr(0, name.size() - 1));
        else
            files.untracked.push_back(std::move(name));
    auto special = special_beside(git, repository.root, files);
    if (!special)
        return std::move(special).error();
    files.special = std::move(*special);
    return files;
}

sdk::Result<FileList> files_at(const Repository& repository, const std::string& commit, int interrupt)
{
    auto listed = Git(repository.root, interrupt).run({"ls-tree", "-r", "-z", commit});
    if (!listed)
        return std::move(listed).error();
    FileList files;
    for (const auto& entry : nul_terminated(*listed))  // "MODE TYPE OBJECT\tNAME"
        (entry.starts_with(gitlink) ? files.hollow : files.tracked).push_back(entry.substr(entry.find('\t') + 1));
    return files;
}

std::vector<std::string> FileList::secrets() const
{
    std::vector<std::string> found;
    std::copy_if(untracked.begin(), untracked.end(), std::back_inserter(found), looks_secret);
    return found;
}

bool looks_secret(const std::string& path)
{
    std::string name = path.substr(path.rfind('/') + 1);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter; });
    if (ends_with_any(name, {".example", ".sample", ".template", ".dist", ".pub"}))
        return false;
    if (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
        return true;
    if (ends_with_any(name, {".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".ovpn", ".tfvars"}))
        return true;
    if (starts_with_any(name, {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "service-account", "service_account"}))
        return true;
    for (const std::string_view word : {"secret", "credential", "private_key", "private-key", "privatekey", "password"})
        if (name.find(word) != std::string::npos)
            return true;
    for (const std::string_view place : {"secrets/", ".secrets/", ".ssh/", ".aws/", ".gnupg/", ".kube/"})
        if (path.starts_with(place) || path.find("/" + std::string(place)) != std::string::npos)
            return true;
    static constexpr std::array<std::string_view, 9> known{".netrc",    ".npmrc",           ".pypirc", ".pgpass", ".envrc",
                                                           ".htpasswd", ".git-credentials", "kubeconfig", ".vault-token"};
    return std::find(known.begin(), known.end(), name) != known.end();
}

}  // namespace banger::workspace
