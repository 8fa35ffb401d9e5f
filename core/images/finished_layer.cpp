// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/finished_layer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "banger/sdk/os/fd.hpp"

namespace banger::images {

sdk::Result<void> take_finished(const std::string& from, const std::string& to)
{
    constexpr off_t magic_at = 1024 + 0x38;  // of the superblock: kernel Documentation/filesystems/ext4
    const sdk::os::UniqueFd file(::open(from.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    std::array<unsigned char, 2> magic{};
    if (!file || ::pread(file.get(), magic.data(), magic.size(), magic_at) != static_cast<ssize_t>(magic.size()))
        return sdk::os_error("read " + from);
    if (magic[0] != 0x53 || magic[1] != 0xef)
        return sdk::make_error(sdk::Code::corrupt, from + " is no ext4 file system");
    if (::rename(from.c_str(), to.c_str()) != 0)
        return sdk::os_error("take " + from);
    if (::fchmod(file.get(), 0444) != 0 || ::fsync(file.get()) != 0)
        return sdk::os_error("make " + to + " durable");
    return {};
}

}  // namespace banger::images
