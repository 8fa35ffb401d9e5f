// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/tar_entry.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "core/images/ext4_xattr.hpp"
#include "core/images/raw_bytes.hpp"

namespace banger::images {
namespace {

constexpr std::size_t max_path_bytes = 4095;  // PATH_MAX without the zero byte: nothing longer can be opened

sdk::Error invalid_entry(std::string message)
{
    return sdk::make_error(sdk::Code::invalid, std::move(message));
}

std::optional<FileKind> kind_of_type(unsigned type)
{
    switch (type) {
        case AE_IFREG: return FileKind::regular;
        case AE_IFDIR: return FileKind::directory;
        case AE_IFLNK: return FileKind::symlink;
        case AE_IFCHR: return FileKind::character_device;
        case AE_IFBLK: return FileKind::block_device;
        case AE_IFIFO: return FileKind::fifo;
        case AE_IFSOCK: return FileKind::socket;
        default: return std::nullopt;
    }
}

// The kernel's ACL tags are powers of two in the order that it wants entries in.
std::uint16_t acl_tag(int tag)
{
    switch (tag) {
        case ARCHIVE_ENTRY_ACL_USER_OBJ: return 1;
        case ARCHIVE_ENTRY_ACL_USER: return 2;
        case ARCHIVE_ENTRY_ACL_GROUP_OBJ: return 4;
        case ARCHIVE_ENTRY_ACL_GROUP: return 8;
        case ARCHIVE_ENTRY_ACL_MASK: return 16;
        case ARCHIVE_ENTRY_ACL_OTHER: return 32;
        default: return 0;
    }
}

struct AclEntry {
    std::uint16_t tag = 0;
    std::uint16_t permissions = 0;
    std::uint32_t id = std::numeric_limits<std::uint32_t>::max();

    bool operator<(const AclEntry& other) const { return std::tie(tag, id) < std::tie(other.tag, other.id); }
};

sdk::Result<std::vector<AclEntry>> acl_entries(archive_entry* entry, int type, const std::string& path)
{
    std::vector<AclEntry> entries;
    int entry_type = 0;
    int permissions = 0;
    int tag = 0;
    int id = 0;
    const char* name = nullptr;
    (void)archive_entry_acl_reset(entry, type);
    while (archive_entry_acl_next(entry, type, &entry_type, &permissions, &tag, &id, &name) == 0) {
        AclEntry acl{acl_tag(tag), static_cast<std::uint16_t>(permissions & 7)};
        if (acl.tag == 0)
            return invalid_entry("'" + path + "' has an access control list of a kind that Linux does not have");
        if (acl.tag == 2 || acl.tag == 8) {
            if (id < 0)
                return sdk::make_error(
                    sdk::Code::unsupported,
                    "the access control list of '" + path + "' names a user or group without its number",
                    "write the archive with numeric owners");
            acl.id = static_cast<std::uint32_t>(id);
        }
        entries.push_back(acl);
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

// The kernel's interface format: version 2, then eight bytes for each entry.
std::string acl_value(const std::vector<AclEntry>& entries)
{
    std::string value;
    append_raw(value, std::uint32_t{2});
    for (const auto& entry : entries) {
        append_raw(value, entry.tag);
        append_raw(value, entry.permissions);
        append_raw(value, entry.id);
    }
    return value;
}

sdk::Result<void> take_acl(archive_entry* entry, int type, const char* name, TarEntry& into)
{
    if (archive_entry_acl_count(entry, type) == 0)
        return {};
    auto entries = acl_entries(entry, type, into.path);
    if (!entries)
        return std::move(entries.error());
    // libarchive has put the group's own permissions into the mode; with a mask, the mode's group bits are the mask.
    if (type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS)
        for (const auto& acl : *entries)
            if (acl.tag == 16)
                into.metadata.mode = (into.metadata.mode & ~070U) | static_cast<std::uint32_t>(acl.permissions << 3U);
    into.metadata.xattrs.push_back({name, acl_value(*entries)});
    return {};
}

sdk::Result<void> take_attributes(archive_entry* entry, TarEntry& into)
{
    if (auto taken = take_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, "system.posix_acl_access", into); !taken)
        return taken;
    if (into.kind == FileKind::directory)
        if (auto taken = take_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, "system.posix_acl_default", into); !taken)
            return taken;
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    (void)archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        // Attributes of other systems have no place in a Linux file system; tar leaves them out too.
        if (name == nullptr || !storable_xattr(name))
            continue;
        std::erase_if(into.metadata.xattrs, [&](const Xattr& other) { return other.name == name; });
        into.metadata.xattrs.push_back({name, std::string(static_cast<const char*>(value), size)});
    }
    return {};
}

sdk::Result<std::uint32_t> number(std::int64_t value, std::string_view what, const std::string& path)
{
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max())
        return invalid_entry("'" + path + "' has the " + std::string(what) + " " + std::to_string(value) +
                       ", which Linux does not have");
    return static_cast<std::uint32_t>(value);
}

// Of a decimal before 1970 libarchive takes the fraction for positive: -1.25 comes as -1 and a quarter.
void take_time(archive_entry* entry, Metadata& into)
{
    constexpr std::uint32_t second = 1'000'000'000;
    into.mtime_seconds = archive_entry_mtime(entry);
    into.mtime_nanoseconds = static_cast<std::uint32_t>(std::max(0L, archive_entry_mtime_nsec(entry)));
    if (into.mtime_seconds < 0 && into.mtime_nanoseconds > 0) {
        into.mtime_seconds -= 1;
        into.mtime_nanoseconds = second - into.mtime_nanoseconds;
    }
}

sdk::Result<void> take_metadata(archive_entry* entry, TarEntry& into)
{
    auto uid = number(archive_entry_uid(entry), "user id", into.path);
    if (!uid)
        return std::move(uid.error());
    auto gid = number(archive_entry_gid(entry), "group id", into.path);
    if (!gid)
        return std::move(gid.error());
    into.metadata.mode = static_cast<std::uint32_t>(archive_entry_perm(entry)) & 07777U;
    into.metadata.uid = *uid;
    into.metadata.gid = *gid;
    take_time(entry, into.metadata);
    return take_attributes(entry, into);
}

sdk::Result<void> take_kind(archive_entry* entry, TarEntry& into)
{
    const auto kind = kind_of_type(archive_entry_filetype(entry));
    if (!kind)
        return invalid_entry("'" + into.path + "' is of a kind that a file system cannot hold");
    into.kind = *kind;
    if (*kind == FileKind::symlink) {
        const auto* target = archive_entry_symlink(entry);
        into.target = target == nullptr ? "" : target;
    } else if (*kind == FileKind::regular) {
        into.size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, archive_entry_size(entry)));
    } else {
        into.major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
        into.minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
    }
    return {};
}

}  // namespace

sdk::Result<std::string> relative_path(std::string_view path, std::string_view what)
{
    const auto refuse = [&](std::string_view why) {
        return invalid_entry(std::string(what) + " '" + std::string(path.substr(0, 256)) + "' " + std::string(why));
    };
    if (path.size() > max_path_bytes)
        return refuse("... is longer than 4095 bytes");
    if (path.starts_with('/'))
        return refuse("is absolute");
    std::string result;
    result.reserve(path.size());
    for (std::size_t start = 0; start < path.size();) {
        const auto end = std::min(path.find('/', start), path.size());
        const auto name = path.substr(start, end - start);
        start = end + 1;
        if (name.empty() || name == ".")
            continue;
        if (name == "..")
            return refuse("leaves the root with '..'");
        if (!result.empty())
            result += '/';
        result += name;
    }
    return result;
}

sdk::Result<TarEntry> entry_of(archive_entry* entry)
{
    const auto* name = archive_entry_pathname(entry);
    if (name == nullptr || *name == '\0')
        return invalid_entry("an entry of the archive has no name");
    // A lone '/' is the root itself, as umoci writes it; nothing can leave by it.
    const bool root = std::string_view(name).find_first_not_of('/') == std::string_view::npos;
    auto path = relative_path(root ? "." : name, "the entry");
    if (!path)
        return std::move(path.error());
    TarEntry result;
    result.path = std::move(*path);
    if (const auto* existing = archive_entry_hardlink(entry)) {
        auto target = relative_path(existing, "the hard link '" + result.path + "' to");
        if (!target)
            return std::move(target.error());
        result.hard_link = true;
        result.existing = std::move(*target);
    } else if (auto taken = take_kind(entry, result); !taken) {
        return std::move(taken.error());
    }
    if (auto taken = take_metadata(entry, result); !taken)
        return std::move(taken.error());
    return result;
}

}  // namespace banger::images
