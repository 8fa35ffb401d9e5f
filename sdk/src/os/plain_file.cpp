// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/plain_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "banger/sdk/os/fd.hpp"
#include "read_all.hpp"

namespace banger::sdk::os {

Result<std::string> read_plain_file(const std::string& path, std::size_t most)
{
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if ((fd && ::fstat(fd.get(), &status) == 0 && !S_ISREG(status.st_mode)) || (!fd && (errno == ELOOP || errno == ENXIO)))
        return make_error(Code::invalid, path + " is no regular file");
    return fd ? read_all(fd.get(), path, most) : Result<std::string>(os_error("read " + path));
}

}  // namespace banger::sdk::os
