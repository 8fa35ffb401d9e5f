// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/user_path.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace banger::privd {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

Result<void> check_form(const std::string& path)
{
    const bool plain = path.starts_with('/') && path.size() > 1 && path.size() < PATH_MAX &&
                       std::none_of(path.begin(), path.end(), [](unsigned char c) { return c < ' ' || c == 127; });
    const std::string parts = path + "/";
    if (plain && parts.find("//") == std::string::npos && parts.find("/./") == std::string::npos &&
        parts.find("/../") == std::string::npos)
        return {};
    return make_error(Code::invalid, plain ? "the path " + path + " is not written out" : "that is no absolute path");
}

// openat2(2) has no wrapper in this libc.
Result<sdk::os::UniqueFd> open_named(const std::string& path)
{
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    sdk::os::UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    if (!fd && errno == ELOOP)
        return make_error(Code::permission, path + " is reached by a symbolic link, which the helper follows for nobody",
                          "name it by the path that it really has");
    if (!fd)
        return sdk::os_error("look at " + path);
    return fd;
}

}  // namespace banger::privd
