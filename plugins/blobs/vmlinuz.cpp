// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "vmlinuz.hpp"

#include <archive.h>
#include <archive_entry.h>

#include "archive_file.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::blobs {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::size_t sector = 512;

std::uint32_t little_endian(std::string_view bytes, std::size_t at, std::size_t count)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i)
        value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
    return value;
}

sdk::Error not_a_kernel(const std::string& why)
{
    return sdk::make_error(Code::corrupt, "the kernel image is not a bzImage that can be unpacked: " + why);
}

Result<ArchiveFile> open_payload(std::string_view payload)
{
    ArchiveFile reader(archive_read_new());
    read_known_filters(reader.get());
    archive_read_support_format_raw(reader.get());
    archive_entry* entry = nullptr;
    if (archive_read_open_memory(reader.get(), payload.data(), payload.size()) != ARCHIVE_OK ||
        archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
        return archive_error(reader.get(), "unpack the kernel");
    return reader;
}

}  // namespace

Result<Payload> find_payload(std::string_view vmlinuz)
{
    constexpr std::size_t header_end = 0x250;
    if (vmlinuz.size() < header_end || vmlinuz.substr(0x202, 4) != "HdrS")
        return not_a_kernel("it has no boot header");
    if (little_endian(vmlinuz, 0x206, 2) < 0x208)
        return not_a_kernel("its boot protocol is older than 2.08");
    const std::uint32_t setup_sectors = little_endian(vmlinuz, 0x1f1, 1);
    const std::size_t protected_mode = (std::size_t{setup_sectors == 0 ? 4 : setup_sectors} + 1) * sector;
    const std::size_t offset = protected_mode + little_endian(vmlinuz, 0x248, 4);
    const std::size_t length = little_endian(vmlinuz, 0x24c, 4);
    if (length < 8 || offset > vmlinuz.size() || length > vmlinuz.size() - offset)
        return not_a_kernel("its payload lies outside of it");
    Payload payload{vmlinuz.substr(offset, length), 0};
    payload.unpacked = little_endian(payload.bytes, length - 4, 4);
    // gzip's own last four bytes are that length (RFC 1952); to any other format the build appends it
    // (scripts/Makefile.lib).
    if (!payload.bytes.starts_with("\x1f\x8b"))
        payload.bytes.remove_suffix(4);
    return payload;
}

Result<void> unpack_vmlinux(std::string_view vmlinuz, int output)
{
    auto payload = find_payload(vmlinuz);
    if (!payload)
        return std::move(payload).error();
    auto reader = open_payload(payload->bytes);
    if (!reader)
        return std::move(reader).error();
    std::uint64_t written = 0;
    for (;;) {
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        const int status = archive_read_data_block(reader->get(), &block, &size, &offset);
        if (status == ARCHIVE_EOF)
            break;
        if (status != ARCHIVE_OK)
            return archive_error(reader->get(), "unpack the kernel");
        written += size;
        if (written > payload->unpacked)
            break;
        if (auto wrote = sdk::os::write_all(output, {static_cast<const char*>(block), size}); !wrote)
            return wrote;
    }
    if (written != payload->unpacked)
        return not_a_kernel("it unpacks to " + std::to_string(written) + " bytes instead of " +
                            std::to_string(payload->unpacked));
    return {};
}

}  // namespace banger::blobs
