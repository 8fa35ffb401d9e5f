// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/file_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "cli/text.hpp"

namespace banger::workspace {
namespace {

std::string leaf_of(const std::string& name)
{
    return name.substr(name.rfind('/') + 1);
}

}  // namespace

sdk::Result<FileTree> FileTree::open(const std::string& root)
{
    sdk::os::UniqueFd opened(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return sdk::os_error("read " + cli::quoted(root));
    return FileTree(std::move(opened));
}

int FileTree::parent_of(const std::string& name)
{
    const auto slash = name.rfind('/');
    if (slash == std::string::npos)
        return root_.get();
    std::string path = name.substr(0, slash);
    if (path == parent_path_)
        return parent_.get();
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    parent_.reset(static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
    parent_problem_ = parent_ ? 0 : errno;
    parent_path_ = std::move(path);
    return parent_.get();
}

sdk::Result<std::optional<struct stat>> FileTree::look(const std::string& name)
{
    const int parent = parent_of(name);
    struct stat status {};
    if (parent >= 0 && ::fstatat(parent, leaf_of(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        return std::optional(status);
    const int problem = parent < 0 ? parent_problem_ : errno;
    for (const int nothing_there : {ENOENT, ENOTDIR, ELOOP})
        if (problem == nothing_there)
            return std::optional<struct stat>();
    if (problem == EACCES)
        return sdk::make_error(sdk::Code::permission, "cannot read " + cli::quoted(closed_above(name)),
                               "make it readable for you");
    return sdk::os_error("read " + cli::quoted(name), problem);
}

std::string FileTree::closed_above(const std::string& name) const
{
    for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        if (::faccessat(root_.get(), name.substr(0, slash).c_str(), X_OK, AT_EACCESS) != 0)
            return name.substr(0, slash);
    return name;
}

bool FileTree::may_read(const std::string& name)
{
    const int parent = parent_of(name);
    return parent >= 0 && ::faccessat(parent, leaf_of(name).c_str(), R_OK, 0) == 0;
}

bool has_content(const struct stat& status)
{
    return S_ISREG(status.st_mode) || S_ISLNK(status.st_mode);
}

}  // namespace banger::workspace
