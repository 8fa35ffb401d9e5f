// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/kept_files.hpp"

#include <fcntl.h>

#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "guest/tree/beneath.hpp"

namespace banger::workspace {
namespace {

namespace fs = std::filesystem;

/// A file or a link, with its mode and its time.
sdk::Result<void> copy_one(const fs::path& from, const fs::path& to)
{
    std::error_code problem;
    fs::copy(from, to, fs::copy_options::copy_symlinks, problem);
    if (!problem && !fs::is_symlink(from))
        fs::last_write_time(to, fs::last_write_time(from, problem), problem);
    return problem ? sdk::os_error("copy " + cli::quoted(from.string()) + " to " + cli::quoted(to.string()), problem.value())
                   : sdk::Result<void>();
}

}  // namespace

sdk::Result<KeptFiles> KeptFiles::keep(const std::string& root, const std::vector<std::string>& names,
                                       const std::string& place)
{
    KeptFiles kept;
    kept.root_ = root;
    kept.place_ = place;
    auto directory = sdk::os::open_file(root, O_RDONLY | O_DIRECTORY);
    if (!directory)
        return std::move(directory).error();
    kept.directory_ = std::move(*directory);
    for (const auto& name : names)
        if (auto done = kept.keep_one(name); !done)
            return std::move(done).error().while_doing("keep what is there now");
    return kept;
}

sdk::Result<void> KeptFiles::keep_one(const std::string& name)
{
    note_directories(name);
    const auto stamp = tree::stamp_of(directory_.get(), name);
    if (!files_.emplace(name, stamp).second || !stamp)
        return {};  // named twice: what was a file becomes a link
    const fs::path to = fs::path(place_) / name;
    if (auto made = sdk::os::make_directories(to.parent_path().string()); !made)
        return made;
    return copy_one(fs::path(root_) / name, to);
}

void KeptFiles::note_directories(const std::string& name)
{
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
        const std::string above = name.substr(0, slash);
        struct stat status {};
        const bool is_there = ::fstatat(directory_.get(), above.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                              S_ISDIR(status.st_mode);
        directories_.try_emplace(above, is_there ? std::optional(status.st_mode & 07777U) : std::nullopt);
    }
}

bool KeptFiles::is_as_it_was(const std::string& name) const
{
    return tree::stamp_of(directory_.get(), name) == files_.at(name);
}

sdk::Result<void> KeptFiles::restore() const
{
    sdk::Result<void> first;
    const auto note = [&first](sdk::Result<void> done) {
        if (first && !done)
            first = std::move(done);
    };
    std::vector<std::string> changed;
    for (const auto& [name, stamp] : files_)
        if (!is_as_it_was(name)) {
            changed.push_back(name);
            note(tree::unlink_beneath(directory_.get(), name));
        }
    // Of two directories the inner one sorts behind the outer one.
    for (auto one = directories_.rbegin(); one != directories_.rend(); ++one)
        if (!one->second)
            note(tree::unlink_beneath(directory_.get(), one->first + "/"));
    std::vector<std::string> made;
    for (const auto& [name, mode] : directories_)
        if (mode && ::mkdirat(directory_.get(), name.c_str(), 0700) == 0)
            made.push_back(name);
    for (const auto& name : changed)
        if (files_.at(name))
            note(copy_one(fs::path(place_) / name, fs::path(root_) / name));
    for (const auto& name : made)
        if (::fchmodat(directory_.get(), name.c_str(), *directories_.at(name), 0) != 0)
            note(sdk::os_error("set the mode of " + cli::quoted(name)));
    return first;
}

}  // namespace banger::workspace
