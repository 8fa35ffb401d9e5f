// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qcow2_overlay.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace banger::file {
namespace {

constexpr std::uint32_t cluster_bits = 16;
constexpr std::uint64_t cluster_bytes = 1U << cluster_bits;
// One level-2 table fills a cluster with 8-byte entries, each for one cluster.
constexpr std::uint64_t bytes_per_l1_entry = cluster_bytes / 8 * cluster_bytes;
// QEMU refuses larger level-1 tables (QCOW_MAX_L1_SIZE, 32 MiB).
constexpr std::uint64_t most_l1_entries = (32U << 20U) / 8;
// 16 TiB. The format lets a table be longer than the disk needs; a hole of 256 KiB costs nothing.
constexpr std::uint64_t least_l1_entries = (16ULL << 40U) / bytes_per_l1_entry;
constexpr std::size_t longest_backing_path = 1023;
constexpr std::uint32_t header_bytes = 104;
constexpr std::string_view magic_and_version("QFI\xfb\0\0\0\3", 8);
constexpr std::size_t header_length_at = 100;
constexpr std::uint32_t backing_format_extension = 0xE2792ACA;

// In the header: the size (8 bytes), the encryption method (4), the number of level-1 entries (4), where they are (8).
constexpr std::size_t size_at = 24;
constexpr std::size_t crypt_method_at = 32;
constexpr std::size_t l1_entries_at = 36;
constexpr std::size_t l1_offset_at = 40;

// The file, cluster by cluster: header, refcount table, refcount block, level-1 table. What is not written is a hole
// and reads as zeros, which is what an empty level-1 table holds.
constexpr std::uint64_t refcount_table_at = 1 * cluster_bytes;
constexpr std::uint64_t refcount_block_at = 2 * cluster_bytes;
constexpr std::uint64_t l1_table_at = 3 * cluster_bytes;

/// Numbers in network order, one after the other.
class BigEndian {
public:
    BigEndian& u16(std::uint16_t value) { return put(value, 2); }
    BigEndian& u32(std::uint32_t value) { return put(value, 4); }
    BigEndian& u64(std::uint64_t value) { return put(value, 8); }
    BigEndian& text(std::string_view value)
    {
        bytes_ += value;
        return *this;
    }
    BigEndian& align(std::size_t to)
    {
        bytes_.resize((bytes_.size() + to - 1) / to * to);
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

private:
    BigEndian& put(std::uint64_t value, int size)
    {
        for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
            bytes_ += static_cast<char>(value >> static_cast<unsigned>(shift) & 0xFFU);
        return *this;
    }
    std::string bytes_;
};

std::string header_of(const Qcow2Overlay& overlay, std::uint64_t l1_entries)
{
    const std::string& format = overlay.backing_format;  // at most eight letters
    constexpr std::uint64_t backing_path_at = header_bytes + 8 + 8 + 8;  // after the two extensions below
    return BigEndian()
        .text(magic_and_version)
        .u64(backing_path_at)
        .u32(static_cast<std::uint32_t>(overlay.backing_path.size()))
        .u32(cluster_bits)
        .u64(overlay.bytes)
        .u32(0)  // no encryption
        .u32(static_cast<std::uint32_t>(l1_entries))
        .u64(l1_table_at)
        .u64(refcount_table_at)
        .u32(1)  // clusters of refcount table
        .u32(0)  // snapshots
        .u64(0)  // snapshot table
        .u64(0)  // incompatible features
        .u64(0)  // compatible features
        .u64(0)  // autoclear features
        .u32(4)  // refcounts of 1 << 4 bits
        .u32(header_bytes)
        .u32(backing_format_extension)
        .u32(static_cast<std::uint32_t>(format.size()))
        .text(format)
        .align(8)
        .u32(0)  // end of extensions
        .u32(0)
        .text(overlay.backing_path)
        .bytes();
}

std::uint64_t number_at(std::string_view bytes, std::size_t offset, std::size_t size)
{
    std::uint64_t value = 0;
    for (const char byte : bytes.substr(offset, size))
        value = value << 8U | static_cast<unsigned char>(byte);
    return value;
}

// The format that the header's extensions name for the backing file; empty if none does. Each extension is a type, a
// length, and that many bytes, filled up to a multiple of 8.
std::string backing_format_in(std::string_view header, std::uint64_t path_at)
{
    std::uint64_t at = number_at(header, header_length_at, 4);
    while (at + 8 <= path_at) {
        const std::uint64_t type = number_at(header, at, 4);
        const std::uint64_t length = number_at(header, at + 4, 4);
        if (type == 0 || length > path_at - at - 8)
            break;
        if (type == backing_format_extension)
            return std::string(header.substr(at + 8, length));
        at += 8 + (length + 7) / 8 * 8;
    }
    return {};
}

sdk::Result<void> write_at(int fd, std::uint64_t offset, std::string_view content)
{
    while (!content.empty()) {
        const ssize_t wrote = ::pwrite(fd, content.data(), content.size(), static_cast<off_t>(offset));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return sdk::os_error("write a qcow2 image");
        offset += static_cast<std::uint64_t>(wrote);
        content.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
}

std::uint64_t l1_entries_for(std::uint64_t bytes)
{
    return bytes / bytes_per_l1_entry + (bytes % bytes_per_l1_entry != 0 ? 1 : 0);
}

sdk::Result<void> flush(int fd)
{
    if (::fdatasync(fd) != 0)
        return sdk::os_error("write a qcow2 image");
    return {};
}

}  // namespace

sdk::Result<void> write_qcow2_overlay(int fd, const Qcow2Overlay& overlay)
{
    const std::uint64_t l1_entries = std::max(l1_entries_for(overlay.bytes), least_l1_entries);
    if (overlay.bytes == 0 || overlay.bytes % 512 != 0 || l1_entries > most_l1_entries)
        return sdk::make_error(sdk::Code::invalid,
                               "a qcow2 image cannot be " + std::to_string(overlay.bytes) + " bytes long");
    // An absolute path holds no protocol prefix: QEMU looks for a colon before the first slash only.
    if (!overlay.backing_path.starts_with('/') || overlay.backing_path.size() > longest_backing_path)
        return sdk::make_error(sdk::Code::invalid, "a qcow2 image cannot stand on '" + overlay.backing_path + "'",
                               "its path must be absolute and at most 1023 bytes long");

    if (overlay.backing_format != "raw" && overlay.backing_format != "qcow2")
        return sdk::make_error(sdk::Code::unsupported,
                               "a qcow2 image cannot stand on a file of format '" + overlay.backing_format + "'");

    const std::uint64_t l1_clusters = (l1_entries * 8 + cluster_bytes - 1) / cluster_bytes;
    const std::uint64_t used_clusters = l1_table_at / cluster_bytes + l1_clusters;
    BigEndian refcounts;  // at most 515 of the 32768 that one block holds
    for (std::uint64_t cluster = 0; cluster < used_clusters; ++cluster)
        refcounts.u16(1);
    if (auto wrote = write_at(fd, 0, header_of(overlay, l1_entries)); !wrote)
        return wrote;
    if (auto wrote = write_at(fd, refcount_table_at, BigEndian().u64(refcount_block_at).bytes()); !wrote)
        return wrote;
    if (auto wrote = write_at(fd, refcount_block_at, refcounts.bytes()); !wrote)
        return wrote;
    if (::ftruncate(fd, static_cast<off_t>(used_clusters * cluster_bytes)) != 0)
        return sdk::os_error("extend a qcow2 image");
    return {};
}

sdk::Result<Qcow2Overlay> read_qcow2_overlay(int fd)
{
    std::string cluster(cluster_bytes, '\0');
    const ssize_t got = ::pread(fd, cluster.data(), cluster.size(), 0);
    if (got < 0)
        return sdk::os_error("read a qcow2 image");
    const std::string_view header(cluster.data(), static_cast<std::size_t>(got));
    const auto wrong = sdk::make_error(sdk::Code::corrupt, "this is no qcow2 image over another file");
    if (header.size() < header_bytes || !header.starts_with(magic_and_version))
        return wrong;
    const std::uint64_t path_at = number_at(header, 8, 8);
    const std::uint64_t path_bytes = number_at(header, 16, 4);
    if (path_at == 0 || path_at > header.size() || path_bytes == 0 || path_bytes > header.size() - path_at)
        return wrong;
    std::string format = backing_format_in(header, path_at);
    if (format.empty())
        return wrong;
    return Qcow2Overlay{number_at(header, 24, 8), std::string(header.substr(path_at, path_bytes)), std::move(format)};
}

sdk::Result<bool> has_own_data(int fd)
{
    std::string header(header_bytes, '\0');
    if (::pread(fd, header.data(), header.size(), 0) != static_cast<ssize_t>(header.size()) ||
        !header.starts_with(magic_and_version))
        return sdk::make_error(sdk::Code::corrupt, "this is no qcow2 image");
    const std::uint64_t l1_entries = number_at(header, 36, 4);
    if (l1_entries > most_l1_entries)
        return sdk::make_error(sdk::Code::corrupt, "this is no qcow2 image");
    std::string table(l1_entries * 8, '\0');
    const auto at = static_cast<off_t>(number_at(header, 40, 8));
    if (::pread(fd, table.data(), table.size(), at) != static_cast<ssize_t>(table.size()))
        return sdk::make_error(sdk::Code::corrupt, "this qcow2 image has no whole table");
    return table.find_first_not_of('\0') != std::string::npos;
}

sdk::Result<void> grow_qcow2_overlay(int fd, std::uint64_t bytes)
{
    std::string header(header_bytes, '\0');
    if (::pread(fd, header.data(), header.size(), 0) != static_cast<ssize_t>(header.size()) ||
        !header.starts_with("QFI\xfb"))
        return sdk::make_error(sdk::Code::corrupt, "this is no qcow2 image");
    if (bytes < number_at(header, size_at, 8) || bytes % 512 != 0)
        return sdk::make_error(sdk::Code::invalid, "a qcow2 image cannot be made " + std::to_string(bytes) +
                                                       " bytes long by growing it");
    const std::uint64_t has = number_at(header, l1_entries_at, 4);
    const std::uint64_t needs = std::max(l1_entries_for(bytes), has);
    // The rest of the table's last cluster is the table's too.
    const std::uint64_t room = (has * 8 + cluster_bytes - 1) / cluster_bytes * cluster_bytes / 8;
    if (needs > room)
        return sdk::make_error(sdk::Code::unsupported, "the table of this qcow2 image has no room for " +
                                                           std::to_string(bytes) + " bytes");
    if (needs > has) {
        const std::string empty((needs - has) * 8, '\0');
        if (auto wrote = write_at(fd, number_at(header, l1_offset_at, 8) + has * 8, empty); !wrote)
            return wrote;
        if (auto flushed = flush(fd); !flushed)
            return flushed;
    }
    const auto crypt_method = static_cast<std::uint32_t>(number_at(header, crypt_method_at, 4));
    const auto fields = BigEndian().u64(bytes).u32(crypt_method).u32(static_cast<std::uint32_t>(needs));
    if (auto wrote = write_at(fd, size_at, fields.bytes()); !wrote)
        return wrote;
    return flush(fd);
}

}  // namespace banger::file
