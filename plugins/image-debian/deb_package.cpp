// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "deb_package.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "blobs/archive_file.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr std::size_t block_bytes = 64 * 1024;

// The inner archive reads its bytes from the current member of the outer one.
struct Member {
    archive* outer;
    const sdk::Call& call;
    std::array<char, block_bytes> buffer{};
};

la_ssize_t read_member(archive* inner, void* context, const void** bytes)
{
    auto& member = *static_cast<Member*>(context);
    *bytes = member.buffer.data();
    if (member.call.cancelled()) {
        archive_set_error(inner, ECANCELED, "cancelled");
        return -1;
    }
    const auto got = archive_read_data(member.outer, member.buffer.data(), member.buffer.size());
    if (got < 0)
        archive_set_error(inner, archive_errno(member.outer), "%s", archive_error_string(member.outer));
    return got;
}

Result<blobs::ArchiveFile> open_package(const std::string& path)
{
    blobs::ArchiveFile outer(archive_read_new());
    archive_read_support_format_ar(outer.get());
    if (archive_read_open_filename(outer.get(), path.c_str(), block_bytes) != ARCHIVE_OK)
        return blobs::archive_error(outer.get(), "open the package " + path);
    archive_entry* entry = nullptr;
    for (;;) {
        const int status = archive_read_next_header(outer.get(), &entry);
        if (status == ARCHIVE_EOF)
            return sdk::make_error(Code::corrupt, path + " is no Debian package: it has no data.tar");
        if (status != ARCHIVE_OK)
            return blobs::archive_error(outer.get(), "read the package " + path);
        if (std::string_view(archive_entry_pathname(entry)).starts_with("data.tar"))
            return outer;
    }
}

// "./a/b" and "a/b" are "a/b"; empty for what leads outside.
std::string clean_path(std::string_view path)
{
    while (path.starts_with("./"))
        path.remove_prefix(2);
    if (path.starts_with('/'))
        return {};
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        if (path.substr(at, end - at) == "..")
            return {};
        at = end + 1;
    }
    return std::string(path);
}

Result<void> write_file(archive* inner, archive_entry* entry, const std::string& target)
{
    if (auto made = os::make_directories(target.substr(0, target.rfind('/'))); !made)
        return made;
    auto file = os::open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, archive_entry_perm(entry) & 0777);
    if (!file)
        return std::move(file).error();
    // Straight to the descriptor, holes included.
    if (archive_read_data_into_fd(inner, file->get()) != ARCHIVE_OK)
        return blobs::archive_error(inner, "write " + target);
    const timespec time{archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
    const std::array times{time, time};
    if (::futimens(file->get(), times.data()) != 0)
        return sdk::os_error("set the time of " + target);
    return {};
}

Result<void> unpack_files(archive* inner, const std::string& package, const Destination& destination,
                          const sdk::Call& call)
{
    archive_entry* entry = nullptr;
    for (;;) {
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        const int status = archive_read_next_header(inner, &entry);
        if (status == ARCHIVE_EOF)
            return {};
        if (status != ARCHIVE_OK)
            return blobs::archive_error(inner, "unpack the package " + package);
        const char* name = archive_entry_pathname(entry);
        const std::string path = clean_path(name != nullptr ? name : "/");
        if (path.empty() && archive_entry_filetype(entry) != AE_IFDIR)
            return sdk::make_error(Code::corrupt, "the package " + package + " has a file outside of itself");
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
            continue;
        if (const std::string target = destination(path); !target.empty())
            if (auto written = write_file(inner, entry, target); !written)
                return written;
    }
}

}  // namespace

Result<void> unpack_deb(const std::string& path, const Destination& destination, const sdk::Call& call)
{
    auto outer = open_package(path);
    if (!outer)
        return std::move(outer).error();
    Member member{outer->get(), call, {}};
    blobs::ArchiveFile inner(archive_read_new());
    blobs::read_known_filters(inner.get());
    archive_read_support_format_tar(inner.get());
    archive_read_set_options(inner.get(), "hdrcharset=BINARY");
    const bool opened = archive_read_open(inner.get(), &member, nullptr, read_member, nullptr) == ARCHIVE_OK;
    auto unpacked = opened ? unpack_files(inner.get(), path, destination, call)
                           : Result<void>(blobs::archive_error(inner.get(), "unpack the package " + path));
    if (!unpacked && call.cancelled())  // a read was refused
        return sdk::make_error(Code::cancelled, "cancelled");
    return unpacked;
}

}  // namespace banger::debian
