// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/initramfs_modules.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "core/guest/initramfs.hpp"
#include "core/images/relative_path.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

Result<void> move_file(const std::string& from, const std::string& to)
{
    const std::string directory = to.substr(0, to.rfind('/'));
    if (auto made = os::make_directories(directory, 0755); !made)
        return made;
    const os::UniqueFd fd(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT)
        return sdk::make_error(Code::corrupt, "the kernel's modules.dep names " + from + ", which is not there");
    if (!fd || ::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0 || ::rename(from.c_str(), to.c_str()) != 0)
        return sdk::os_error("keep the module " + from);
    return os::sync_directory(directory);
}

// The lines of a modules.dep that are about these paths.
std::string lines_about(const std::set<std::string>& paths, const std::string& modules_dep)
{
    std::string kept;
    std::istringstream lines(modules_dep);
    for (std::string line; std::getline(lines, line);)
        if (paths.contains(line.substr(0, line.find(':'))))
            kept += line + "\n";
    return kept;
}

}  // namespace

Result<void> take_initramfs_modules(const std::string& from, const std::string& target)
{
    const auto modules_dep = os::read_file(from + "/modules.dep");
    if (!modules_dep)
        return sdk::make_error(
            Code::corrupt, "the kernel's modules have no list of their dependencies: " + modules_dep.error().message);
    if (auto made = os::make_directories(target, 0755); !made)
        return made;
    std::set<std::string> taken;
    for (const auto& module : guest::modules_to_boot(*modules_dep)) {
        if (!stays_inside(module.path))
            return sdk::make_error(Code::corrupt, from + "/modules.dep leads outside: " + module.path);
        if (auto moved = move_file(from + "/" + module.path, target + "/" + module.path); !moved)
            return moved;
        taken.insert(module.path);
    }
    return os::write_file_atomic(target + "/modules.dep", lines_about(taken, *modules_dep), 0444);
}

}  // namespace banger::images
