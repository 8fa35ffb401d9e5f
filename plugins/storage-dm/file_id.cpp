// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_id.hpp"

#include <sys/stat.h>

namespace banger::dm {

sdk::Result<FileFacts> facts_of(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode))
        return sdk::make_error(sdk::Code::not_found, path + " is no file");
    return FileFacts{{status.st_dev, status.st_ino}, static_cast<std::uint64_t>(status.st_size), status.st_mtime};
}

}  // namespace banger::dm
