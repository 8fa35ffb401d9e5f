// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cow_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "banger/sdk/os/file.hpp"
#include "table.hpp"

namespace banger::dm::cow {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::uint64_t chunk_bytes = chunk_sectors * sector_bytes;
constexpr std::uint64_t chunks_in_area = chunk_bytes / 16;  // an exception is two 64-bit numbers

// struct disk_header: little-endian 32-bit numbers at the beginning of chunk 0.
constexpr std::uint32_t magic = 0x70416e53;  // "SnAp"
constexpr std::uint32_t version = 1;
enum Field { magic_field, valid_field, version_field, chunk_field, field_count };
using Header = std::array<std::uint32_t, field_count>;
constexpr std::size_t field_bytes = 4;

std::string bytes_of(const Header& header)
{
    std::string bytes;
    for (const std::uint32_t field : header)
        for (unsigned shift = 0; shift < 32; shift += 8)
            bytes += static_cast<char>((field >> shift) & 0xffU);
    return bytes;
}

Result<Header> read_header(const std::string& path)
{
    auto fd = os::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd)
        return std::move(fd).error();
    std::array<unsigned char, field_count * field_bytes> bytes{};
    const ssize_t got = ::pread(fd->get(), bytes.data(), bytes.size(), 0);
    if (got < 0)
        return sdk::os_error("read " + path);
    Header header{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        header[i / field_bytes] |= std::uint32_t{bytes[i]} << (8 * (i % field_bytes));
    if (static_cast<std::size_t>(got) != bytes.size() || header[magic_field] != magic ||
        header[version_field] != version || header[chunk_field] != chunk_sectors)
        return make_error(Code::corrupt, path + " is not what a disk of storage 'dm' writes to");
    return header;
}

Result<void> write_header(int fd, const std::string& path)
{
    const std::string bytes = bytes_of({magic, 1, version, static_cast<std::uint32_t>(chunk_sectors)});
    if (::pwrite(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        return sdk::os_error("write " + path);
    return {};
}

Result<void> set_length(int fd, const std::string& path, std::uint64_t disk_bytes)
{
    if (::ftruncate(fd, static_cast<off_t>(length_for(disk_bytes))) == 0)
        return {};
    const int why = errno;
    auto error = sdk::os_error("make " + path + " long enough for a disk of " + std::to_string(disk_bytes) + " bytes", why);
    if (why == EFBIG)
        error.code = Code::unsupported;
    return error;
}

}  // namespace

std::uint64_t length_for(std::uint64_t disk_bytes)
{
    const std::uint64_t chunks = (disk_bytes + chunk_bytes - 1) / chunk_bytes;
    const std::uint64_t areas = chunks / chunks_in_area + 1;  // the next one is cleared before one is full
    return (1 + areas * (1 + chunks_in_area)) * chunk_bytes;
}

Result<void> make(const std::string& path, std::uint64_t disk_bytes)
{
    auto fd = os::open_file(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (auto wrote = write_header(fd->get(), path); !wrote)
        return wrote;
    if (auto set = set_length(fd->get(), path, disk_bytes); !set)
        return set;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write " + path);
    return {};
}

Result<void> grow(const std::string& path, std::uint64_t disk_bytes)
{
    auto fd = os::open_file(path, O_RDWR | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (auto set = set_length(fd->get(), path, disk_bytes); !set)
        return set;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write " + path);
    return {};
}

Result<Validity> validity_of(const std::string& path)
{
    auto header = read_header(path);
    if (!header)
        return std::move(header).error();
    return (*header)[valid_field] == 0 ? Validity::given_up : Validity::valid;
}

Result<void> make_valid(const std::string& path)
{
    if (auto header = read_header(path); !header)
        return std::move(header).error();
    auto fd = os::open_file(path, O_RDWR | O_NOFOLLOW);
    if (!fd)
        return std::move(fd).error();
    if (auto wrote = write_header(fd->get(), path); !wrote)
        return wrote;
    if (::fsync(fd->get()) != 0)
        return sdk::os_error("write " + path);
    return {};
}

}  // namespace banger::dm::cow
