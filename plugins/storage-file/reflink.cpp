// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "reflink.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::file {

sdk::Result<void> clone_blocks(int from, int to)
{
    if (::ioctl(to, FICLONE, from) == 0)
        return {};
    switch (errno) {
        case EXDEV:       // two file systems
        case EOPNOTSUPP:  // a file system without reflinks; ENOTTY from those that know no such call, EINVAL from
                          // others
        case ENOTTY:
        case EINVAL: return sdk::make_error(sdk::Code::unsupported, "these two files cannot share blocks");
        default: return sdk::os_error("share the blocks of two files");
    }
}

bool can_clone(const std::string& from_directory, const std::string& to_directory)
{
    const sdk::os::UniqueFd from(::open(from_directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const sdk::os::UniqueFd to(::open(to_directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    return from && to && sdk::os::write_all(from.get(), std::string(65536, 'x')) && clone_blocks(from.get(), to.get());
}

}  // namespace banger::file
