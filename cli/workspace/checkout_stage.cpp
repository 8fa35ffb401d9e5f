// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The git directory that a checkout gets in the guest.
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/checkout.hpp"
#include "cli/workspace/file_tree.hpp"
#include "cli/workspace/git.hpp"

namespace banger::workspace {
namespace {

constexpr const char* base_reference = "refs/banger/base";

/// RFC 3986, 2.1: git decodes what is in a file URL.
std::string file_url(const std::string& path)
{
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string url = "file://";
    for (const char letter : path)
        if (plain.find(letter) != std::string_view::npos) {
            url += letter;
        } else {
            const auto byte = static_cast<unsigned char>(letter);
            url += {'%', digits[byte >> 4U], digits[byte & 15U]};
        }
    return url;
}

std::string nul_joined(const std::vector<std::string>& names)
{
    std::string text;
    for (const auto& name : names)
        text.append(name).push_back('\0');
    return text;
}

/// Where git looks for a user's "ignore" and "attributes" unless told (gitignore(5)); empty if nowhere.
std::string users_file(const std::string& name)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the environment is never changed
    const char* config = std::getenv("XDG_CONFIG_HOME");
    if (config != nullptr && *config != '\0')
        return std::string(config) + "/git/" + name;
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
    return home == nullptr ? std::string() : std::string(home) + "/.config/git/" + name;
}

std::string joined_files(const std::vector<std::string>& paths)
{
    std::string all;
    for (const auto& path : paths)
        if (auto text = sdk::os::read_file(path); text && !text->empty())
            all += *text + (text->ends_with('\n') ? "" : "\n");
    return all;
}

bool is_before(const timespec& one, const timespec& other)
{
    return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

}  // namespace

sdk::Result<void> Checkout::stage()
{
    for (auto& submodule : submodules_)
        if (auto staged = submodule.stage(); !staged)
            return std::move(staged).error().while_doing("prepare the submodule " + cli::quoted(submodule.prefix_));
    if (!with_repository())
        return {};
    auto place = TemporaryDirectory::make();
    if (!place)
        return std::move(place).error();
    place_ = std::move(*place);
    if (::clock_gettime(CLOCK_REALTIME_COARSE, &staged_at_) != 0)  // the clock of file times
        return sdk::os_error("read the clock");
    const Git git(place_.path(), interrupt_);
    const std::string format =
        Git(repository_.root, interrupt_).line({"rev-parse", "--show-object-format"}).value_or("sha1");
    auto made = git.run({"init", "--quiet", "--template=", "--object-format=" + format, "checkout"});
    if (!made)
        return std::move(made).error();
    for (const auto step : {&Checkout::fetch_history, &Checkout::set_head, &Checkout::copy_settings,
                            &Checkout::copy_excludes, &Checkout::check_out_start, &Checkout::make_index,
                            &Checkout::make_base, &Checkout::note_files})
        if (auto done = (this->*step)(); !done)
            return std::move(done).error().while_doing("prepare the checkout of " + cli::quoted(repository_.root));
    return {};
}

bool Checkout::is_fresh() const
{
    auto files = files_of(repository_, options_.tracked_only, interrupt_);
    auto tree = FileTree::open(repository_.root);
    if (!files || !tree || files->tracked != files_.tracked || files->untracked != files_.untracked)
        return false;
    for (const auto* names : {&files_.tracked, &files_.untracked})
        for (const auto& name : *names)
            if (const auto there = tree->look(name);
                !there || there->has_value() != !std::binary_search(missing_.begin(), missing_.end(), name) ||
                (*there && !is_before((*there)->st_ctim, staged_at_)))
                return false;
    return true;
}

sdk::Result<void> Checkout::renew()
{
    for (auto& submodule : submodules_)
        if (auto renewed = submodule.renew(); !renewed)
            return renewed;
    return !repository_.is_git || !options_.from.empty() || is_fresh() ? sdk::Result<void>() : look_again();
}

sdk::Result<void> Checkout::look_again()
{
    if (::clock_gettime(CLOCK_REALTIME_COARSE, &staged_at_) != 0)
        return sdk::os_error("read the clock");
    auto files = files_of(repository_, options_.tracked_only, interrupt_);
    if (!files)
        return std::move(files).error();
    files_ = std::move(*files);
    if (!with_repository())
        return {};
    auto made = make_index();
    return made ? make_base() : made;
}

/// Makes the base anew if files changed since it was made, and names those.
sdk::Result<std::vector<std::string>> Checkout::catch_up()
{
    std::vector<std::string> edited;
    if (!with_repository() || !options_.from.empty() || is_fresh())
        return edited;
    const timespec since = staged_at_;
    if (auto looked = look_again(); !looked)
        return std::move(looked).error();
    auto tree = FileTree::open(repository_.root);
    if (!tree)
        return std::move(tree).error();
    for (const auto* names : {&files_.tracked, &files_.untracked})
        for (const auto& name : *names) {
            const auto there = tree->look(name);
            if (!there)
                return there.error();
            if (*there && (sent_.count(name) == 0 || !is_before((*there)->st_ctim, since)))
                edited.push_back(name);
        }
    return edited;
}

sdk::Result<void> Checkout::fetch_history()
{
    if (start_.empty())
        return {};
    const Git git(place_.path() + "/checkout", interrupt_);
    std::vector<std::string> fetch{"-c",      "fetch.unpackLimit=1", "-c",        "transfer.unpackLimit=1",
                                   "-c",      "protocol.version=2",  "fetch",     "--quiet",
                                   "--no-tags", "--no-write-fetch-head", "--update-shallow",
                                   // Deltas that are there are taken; none is looked for: of 300 MB of new objects that
                                   // takes 15 s, and the pack goes no further than into the guest.
                                   // Whether the repository is to be trusted, git was asked before, by the name that
                                   // the user may have written down: this name of it is another.
                                   "--upload-pack=git -c safe.directory='*' -c pack.window=0 -c pack.compression=1 upload-pack"};
    if (options_.depth != 0)
        fetch.push_back("--depth=" + std::to_string(options_.depth));
    fetch.insert(fetch.end(), {file_url(repository_.common_directory), start_ + ":" + base_reference});
    auto fetched = git.run(fetch);
    return fetched ? sdk::Result<void>() : std::move(fetched).error();
}

sdk::Result<void> Checkout::set_head()
{
    const Git git(place_.path() + "/checkout", interrupt_);
    const std::string name = branch();
    if (name.empty())
        return sdk::os::write_file_atomic(git_directory() + "/HEAD", start_ + "\n", 0644);
    auto set = git.run({"symbolic-ref", "HEAD", "refs/heads/" + name});
    if (set && !start_.empty())
        set = git.run({"update-ref", "refs/heads/" + name, start_});
    return set ? sdk::Result<void>() : std::move(set).error();
}

sdk::Result<void> Checkout::copy_settings()
{
    const Git theirs(repository_.root, interrupt_);
    const Git git(place_.path() + "/checkout", interrupt_);
    // The guest's files have other inodes and owners: without this its git would read all of them at its first look.
    std::vector<std::pair<std::string, std::string>> settings{{"core.checkStat", "minimal"},
                                                              {"core.trustctime", "false"}};
    std::vector<std::string> keys{"user.name",   "user.email",           "remote.origin.url", "remote.origin.fetch",
                                  "core.autocrlf", "core.eol", "core.fileMode", "core.symlinks",
                                  "core.sparseCheckout", "core.sparseCheckoutCone"};
    for (const char* key : {".remote", ".merge"})
        if (!repository_.branch.empty() && options_.branch.empty())
            keys.push_back("branch." + repository_.branch + key);
    for (const auto& key : keys)
        if (auto value = theirs.setting(key); !value.empty())
            settings.emplace_back(key, std::move(value));
    // Which submodules are in use is in nobody's files but these.
    const auto modules = theirs.run({"config", "-z", "--get-regexp", R"(^submodule\..*\.(url|active)$)"}).value_or("");
    for (const auto& setting : nul_terminated(modules))
        if (const auto end = setting.find('\n'); end != std::string::npos)
            settings.emplace_back(setting.substr(0, end), setting.substr(end + 1));
    // Programs of the host's, which say what a commit has of a file. They do not go: the guest may not have them.
    for (auto& setting : nul_terminated(theirs.run({"config", "-z", "--get-regexp", "^filter\\."}).value_or("")))
        if (const auto end = setting.find('\n'); end != std::string::npos)
            filters_.push_back(setting.replace(end, 1, "="));
    for (const auto& [key, value] : settings)
        if (auto set = git.run({"config", key, value}); !set)
            return std::move(set).error();
    return {};
}

/// What the user's own files, and not the repository's, say of names here is to hold there too: what is ignored, and
/// what is text.
sdk::Result<void> Checkout::copy_excludes()
{
    const Git theirs(repository_.root, interrupt_);
    std::string global = theirs.line({"config", "--type=path", "--get", "core.excludesFile"}).value_or("");
    if (global.empty())
        global = users_file("ignore");
    if (auto made = sdk::os::make_directories(git_directory() + "/info"); !made)
        return made;
    std::string attributes = theirs.line({"config", "--type=path", "--get", "core.attributesFile"}).value_or("");
    if (attributes.empty())
        attributes = users_file("attributes");
    const std::string info = repository_.common_directory + "/info/";
    if (const auto text = joined_files({attributes, info + "attributes"}); !text.empty())
        if (auto written = sdk::os::write_file_atomic(git_directory() + "/info/attributes", text, 0644); !written)
            return written;
    const std::string excludes = joined_files({global, info + "exclude"});
    if (auto sparse = sdk::os::read_file(repository_.git_directory + "/info/sparse-checkout"))
        if (auto written = sdk::os::write_file_atomic(git_directory() + "/info/sparse-checkout", *sparse, 0644); !written)
            return written;
    return sdk::os::write_file_atomic(git_directory() + "/info/exclude", excludes, 0644);
}

/// Another revision's files are made in the temporary place.
sdk::Result<void> Checkout::check_out_start()
{
    if (options_.from.empty())
        return {};
    start_tree_ = place_.path() + "/checkout";
    const Git git(start_tree_, interrupt_);
    auto made = git.run({"-c", "advice.detachedHead=false", "reset", "--quiet", "--hard"});
    return made ? sdk::Result<void>() : std::move(made).error();
}

/// As HEAD has it, with what is known of the files: read from the host's index, so that git need not read the files.
sdk::Result<void> Checkout::make_index()
{
    if (start_.empty() || !start_tree_.empty())
        return {};
    if (auto known = sdk::os::read_file(repository_.git_directory + "/index", 1UL << 30))
        if (auto copied = sdk::os::write_file_atomic(git_directory() + "/index", *known, 0644); !copied)
            return copied;
    Git git(tree(), interrupt_);
    git.with("GIT_DIR", git_directory()).with("GIT_WORK_TREE", tree()).configure(filters_);
    const std::vector<std::string> plain{"-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"};
    auto reset = plain;
    reset.insert(reset.end(), {"read-tree", "--reset", start_});
    if (auto read = git.run(reset); !read) {
        // An index of a kind that cannot stand alone, such as a split one: begin without it.
        (void)sdk::os::remove_file(git_directory() + "/index");
        auto again = git.run(reset);
        if (again && !files_.sparse.empty())
            again = git.run({"update-index", "-z", "--skip-worktree", "--stdin"}, nul_joined(files_.sparse));
        if (!again)
            return std::move(again).error();
    }
    auto refresh = plain;
    refresh.insert(refresh.end(), {"update-index", "-q", "--unmerged", "--refresh"});
    (void)git.agrees(refresh);  // its status says whether files differ from HEAD, as they may
    return {};
}

/// Puts the files into the index of `git` as they are, and takes out whatever does not go.
sdk::Result<void> Checkout::index_files(const Git& git)
{
    auto tree_now = FileTree::open(tree());
    auto known = git.run({"ls-files", "-z"});
    if (!tree_now || !known)
        return !tree_now ? std::move(tree_now).error() : std::move(known).error();
    std::vector<std::string> all = files_.tracked;
    all.insert(all.end(), files_.untracked.begin(), files_.untracked.end());
    std::vector<std::string> kept = files_.sparse;
    std::vector<std::string> there;
    missing_.clear();
    for (const auto& name : all) {
        const auto status = tree_now->look(name);
        if (!status)
            return status.error();
        if (!*status)
            missing_.push_back(name);
        else if (has_content(**status))
            there.push_back(name);
    }
    kept.insert(kept.end(), there.begin(), there.end());
    for (const auto* links : {&files_.submodules, &files_.hollow})
        kept.insert(kept.end(), links->begin(), links->end());
    std::sort(missing_.begin(), missing_.end());
    std::sort(kept.begin(), kept.end());
    std::vector<std::string> gone;
    for (auto& name : nul_terminated(*known))
        if (!std::binary_search(kept.begin(), kept.end(), name) && sent_.count(name) == 0)
            gone.push_back(std::move(name));
    if (auto removed = git.run({"update-index", "-z", "--force-remove", "--stdin"}, nul_joined(gone)); !removed)
        return std::move(removed).error();
    auto added = git.run({"-c", "core.safecrlf=false", "update-index", "-z", "--add", "--replace", "--remove",
                          "--ignore-skip-worktree-entries", "--stdin"},
                         nul_joined(there));
    return added ? sdk::Result<void>() : std::move(added).error();
}

sdk::Result<void> Checkout::make_base()
{
    const std::string index = git_directory() + "/banger-base-index";
    // What went and is gone by now is there as it went: the base has it, and the index of the last one knows it.
    if (auto own = sdk::os::read_file(git_directory() + "/index", 1UL << 30); own && sent_.empty())
        if (auto copied = sdk::os::write_file_atomic(index, *own, 0644); !copied)
            return copied;
    Git git(tree(), interrupt_);
    git.with("GIT_DIR", git_directory()).with("GIT_WORK_TREE", tree()).with("GIT_INDEX_FILE", index);
    git.configure(filters_);
    for (const char* role : {"AUTHOR", "COMMITTER"})
        git.with(std::string("GIT_") + role + "_NAME", "banger").with(std::string("GIT_") + role + "_EMAIL", "banger@localhost");
    // Another revision's files came out of its index, which knows its submodules too.
    if (auto indexed = start_tree_.empty() ? index_files(git) : sdk::Result<void>(); !indexed)
        return indexed;
    auto written = git.line({"write-tree"});
    if (!written)
        return std::move(written).error();
    std::vector<std::string> commit{"commit-tree", *written, "-m", "The files as they came"};
    if (!start_.empty())
        commit.insert(commit.end(), {"-p", start_});
    auto base = git.line(commit);
    if (!base)
        return std::move(base).error();
    base_ = std::move(*base);
    auto referred = git.run({"update-ref", base_reference, base_});
    return referred ? sdk::Result<void>() : std::move(referred).error();
}

}  // namespace banger::workspace
