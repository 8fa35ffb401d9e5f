// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "save_files.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

using sdk::Result;
namespace os = sdk::os;

constexpr const char* id_name = "id";
constexpr std::size_t id_bytes = 16;
constexpr std::uint64_t stat_block_bytes = 512;  // of st_blocks, inode(7)
constexpr off_t piece = 16 << 20;  // between two looks at the call

Result<void> copy_range(int from, int to, off_t at, off_t end, const sdk::Call& call)
{
    while (at < end) {
        if (call.cancelled())
            return sdk::make_error(sdk::Code::cancelled, "cancelled");
        off_t out = at;
        const ssize_t copied = ::copy_file_range(from, &at, to, &out, static_cast<std::size_t>(std::min(piece, end - at)), 0);
        if (copied < 0 && errno != EINTR)
            return sdk::os_error("copy saved memory");
        if (copied == 0)
            return sdk::make_error(sdk::Code::corrupt, "saved memory became shorter while it was copied");
    }
    return {};
}

// A file system that knows no holes shows one range, which is right too.
Result<void> copy_data(int from, int to, off_t size, const sdk::Call& call)
{
    if (::ftruncate(to, size) != 0)
        return sdk::os_error("copy saved memory");
    for (off_t at = 0; at < size;) {
        const off_t data = ::lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return {};  // a hole up to the end
        const off_t hole = data < 0 ? -1 : ::lseek(from, data, SEEK_HOLE);
        if (hole < 0)
            return sdk::os_error("read saved memory");
        if (auto copied = copy_range(from, to, data, hole, call); !copied)
            return copied;
        at = hole;
    }
    return {};
}

}  // namespace

Result<std::string> make_save_id(const std::string& directory)
{
    std::array<unsigned char, id_bytes> random{};
    if (::getentropy(random.data(), random.size()) != 0)
        return sdk::os_error("read random bytes");
    std::string id;
    for (const auto byte : random)
        id.append({"0123456789abcdef"[byte >> 4U], "0123456789abcdef"[byte & 15U]});
    auto written = os::write_file_atomic(directory + "/" + id_name, id);
    return written ? Result<std::string>(std::move(id)) : std::move(written).error();
}

Result<std::string> save_id(const std::string& directory)
{
    return os::read_file(directory + "/" + id_name, 2 * id_bytes);
}

Result<void> must_have_room(const std::string& path, std::uint64_t bytes)
{
    auto room = os::free_bytes(path);
    if (!room)
        return std::move(room).error();
    if (bytes <= *room)
        return {};
    return sdk::make_error(sdk::Code::no_space,
                           "a save takes " + std::to_string(bytes >> 20U) + " MiB, and there is room for " +
                               std::to_string(*room >> 20U) + " at " + path,
                           "make room on the disk that saves are written to");
}

Result<void> copy_memory(const std::string& from, const std::string& to, const sdk::Call& call)
{
    auto input = os::open_file(from, O_RDONLY);
    auto output = os::open_file(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!input || !output)
        return std::move(input ? output.error() : input.error());
    struct stat status {};
    if (::fstat(input->get(), &status) != 0)
        return sdk::os_error("look at " + from);
    if (::ioctl(output->get(), FICLONE, input->get()) != 0) {
        if (auto room = must_have_room(to, static_cast<std::uint64_t>(status.st_blocks) * stat_block_bytes); !room)
            return room;
        if (auto copied = copy_data(input->get(), output->get(), status.st_size, call); !copied)
            return copied;
    }
    return os::flush_file(std::move(*output), to, call.cancel_descriptor());
}

Result<void> remove_save(const std::string& directory)
{
    auto removed = saved_in(directory).remove();
    auto id_removed = os::remove_file(directory + "/" + id_name);
    return removed ? id_removed : removed;
}

}  // namespace banger::firecracker
