// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "ext4_root.hpp"

#include <archive.h>
#include <archive_entry.h>
extern "C" {
#include <et/com_err.h>
}
#include <ext2fs/ext2fs.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "blobs/archive_file.hpp"
#include "hard_links.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::size_t read_at_once = 256U << 10;
constexpr std::size_t most_lines_bytes = 1U << 20;
constexpr off_t magic_at = 1024 + 0x38;  // kernel Documentation/filesystems/ext4, "Super Block"
constexpr std::uint32_t epoch_bits = 3;  // of the extra time field: seconds beyond 2038; the rest are nanoseconds

struct CloseFileSystem {
    void operator()(ext2_filsys open) const { ext2fs_close_free(&open); }
};
struct CloseFile {
    void operator()(ext2_file_t open) const { ext2fs_file_close(open); }
};
struct CloseAttributes {
    void operator()(ext2_xattr_handle* open) const { ext2fs_xattrs_close(&open); }
};
using FileSystem = std::unique_ptr<struct_ext2_filsys, CloseFileSystem>;

struct Name {
    std::string path;  // from the root, "" itself
    ext2_ino_t inode = 0;
};

/// What becomes of a file system in the archive.
struct Place {
    std::string at = {};      ///< the directory that it is in: "" or "/root"
    std::string hidden = {};  ///< a path in it that something else is mounted over
    LostLine lost = {};
    std::string journal_hint = "`e2fsck -fp` does that";
};

/// Several file systems as one archive.
class Ext4Stream {
public:
    Ext4Stream(int output, sdk::Call& call) : output_(output), call_(call), writer_(archive_write_new()), buffer_(read_at_once)
    {
    }

    Result<void> open()
    {
        archive_write_set_format_pax(writer_.get());
        archive_write_set_options(writer_.get(), "hdrcharset=BINARY");
        archive_write_set_bytes_per_block(writer_.get(), 0);
        return archive_write_open_fd(writer_.get(), output_) == ARCHIVE_OK ? Result<void>() : Result<void>(unwritten());
    }

    Result<void> add(const std::string& path, const Place& place)
    {
        path_ = path;
        place_ = place;
        seen_.clear();
        links_.clear();
        ext2_filsys opened = nullptr;
        if (const auto failure = ext2fs_open(path.c_str(), EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &opened); failure != 0)
            return damaged("", failure);
        file_system_.reset(opened);
        if (ext2fs_has_feature_journal_needs_recovery(opened->super))
            return sdk::make_error(Code::corrupt, path_ + " was not unmounted: its journal has still to be replayed",
                                   place.journal_hint);
        open_ = {{"", EXT2_ROOT_INO}};
        while (!open_.empty()) {
            const Name name = std::move(open_.back());
            open_.pop_back();
            if (auto taken = take_directory(name); !taken)
                return taken;
        }
        return {};
    }

    Result<void> close()
    {
        return archive_write_close(writer_.get()) == ARCHIVE_OK ? Result<void>() : Result<void>(unwritten());
    }

private:
    sdk::Error damaged(const std::string& name, errcode_t failure) const
    {
        return sdk::make_error(Code::corrupt, "cannot read " + (name.empty() ? path_ : "'" + name + "' in " + path_) + ": " +
                                                  error_message(failure));
    }
    sdk::Error unwritten() const
    {
        const char* why = archive_error_string(writer_.get());
        return sdk::make_error(Code::unavailable, "cannot write the archive of " + path_ + ": " + (why == nullptr ? "" : why));
    }

    [[nodiscard]] std::string archived(const Name& name) const { return "." + place_.at + name.path; }

    Result<ext2_inode_large> read_inode(const Name& name) const
    {
        ext2_inode_large inode{};
        if (const auto failure = ext2fs_read_inode_full(file_system_.get(), name.inode, plain(inode), sizeof inode); failure != 0)
            return damaged(name.path, failure);
        return inode;
    }

    Result<void> take_directory(const Name& name)
    {
        auto inode = read_inode(name);
        if (!inode)
            return std::move(inode).error();
        if (!seen_.insert(name.inode).second)
            return sdk::make_error(Code::corrupt, "'" + name.path + "' in " + path_ + " is a directory with two names");
        const blobs::ArchiveEntry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), archived(name).c_str());
        if (auto described = describe(name, *inode, entry.get()); !described)
            return described;
        if (auto written = header(entry.get()); !written)
            return written;
        return list(name);
    }

    // What is in a directory goes out as it is met, so that one with a million names takes no memory for them. Directories
    // have their turn later: they may be nested as deep as they like.
    Result<void> take(Name name)
    {
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        auto inode = read_inode(name);
        if (!inode)
            return std::move(inode).error();
        if (LINUX_S_ISDIR(inode->i_mode)) {
            open_.push_back(std::move(name));
            return {};
        }
        const blobs::ArchiveEntry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), archived(name).c_str());
        if (inode->i_links_count > 1) {
            const auto earlier = links_.earlier(0, name.inode, inode->i_links_count, archived(name));
            if (!earlier.empty()) {
                archive_entry_set_filetype(entry.get(), AE_IFREG);
                archive_entry_set_hardlink(entry.get(), earlier.c_str());
                return header(entry.get());
            }
        }
        if (auto described = describe(name, *inode, entry.get()); !described)
            return described;
        if (LINUX_S_ISREG(inode->i_mode) && !place_.lost.line.empty() && name.path == place_.lost.path)
            return without_line(name, entry.get());
        if (auto written = header(entry.get()); !written)
            return written;
        if (LINUX_S_ISREG(inode->i_mode))
            return content(name, [this](std::string_view bytes) { return give(bytes); });
        return {};
    }

    // A file with nothing else in it is left out.
    Result<void> without_line(const Name& name, archive_entry* entry)
    {
        std::string text;
        if (auto read = content(name,
                                [&text](std::string_view bytes) {
                                    text += bytes;
                                    return text.size() <= most_lines_bytes
                                               ? Result<void>()
                                               : sdk::make_error(Code::invalid, "it is too long to be read");
                                });
            !read)
            return std::move(read).error().while_doing("read '" + name.path + "'");
        std::string kept;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            if (line != place_.lost.line)
                kept += line + "\n";
        if (kept.empty())
            return {};
        archive_entry_set_size(entry, static_cast<la_int64_t>(kept.size()));
        if (auto written = header(entry); !written)
            return written;
        return give(kept);
    }

    Result<void> give(std::string_view bytes)
    {
        return archive_write_data(writer_.get(), bytes.data(), bytes.size()) < 0 ? Result<void>(unwritten()) : Result<void>();
    }

    static ext2_inode* plain(ext2_inode_large& inode) { return reinterpret_cast<ext2_inode*>(&inode); }

    Result<void> describe(const Name& name, ext2_inode_large& inode, archive_entry* entry)
    {
        archive_entry_set_mode(entry, inode.i_mode);
        archive_entry_set_uid(entry, inode_uid(inode));
        archive_entry_set_gid(entry, inode_gid(inode));
        const bool has_extra = inode.i_extra_isize >= offsetof(ext2_inode_large, i_mtime_extra) + sizeof inode.i_mtime_extra -
                                                          EXT2_GOOD_OLD_INODE_SIZE;
        const std::uint32_t extra = has_extra ? inode.i_mtime_extra : 0;
        const std::int64_t seconds = static_cast<std::int32_t>(inode.i_mtime) +
                                     (static_cast<std::int64_t>(extra & epoch_bits) << 32);
        archive_entry_set_mtime(entry, seconds, static_cast<long>(extra >> 2U));
        if (LINUX_S_ISREG(inode.i_mode))
            archive_entry_set_size(entry, static_cast<la_int64_t>(EXT2_I_SIZE(&inode)));
        if (LINUX_S_ISCHR(inode.i_mode) || LINUX_S_ISBLK(inode.i_mode))
            set_device(inode, entry);
        if (LINUX_S_ISLNK(inode.i_mode))
            if (auto linked = set_target(name, inode, entry); !linked)
                return linked;
        return add_attributes(name, entry);
    }

    // As old kernels wrote it, or as new ones do (kernel fs/ext4/inode.c, include/linux/kdev_t.h).
    static void set_device(const ext2_inode_large& inode, archive_entry* entry)
    {
        const std::uint32_t old_way = inode.i_block[0];
        const std::uint32_t new_way = inode.i_block[1];
        const unsigned long major = old_way != 0 ? (old_way >> 8U) & 0xffU : (new_way & 0xfff00U) >> 8U;
        const unsigned long minor = old_way != 0 ? old_way & 0xffU : (new_way & 0xffU) | ((new_way >> 12U) & 0xfff00U);
        archive_entry_set_rdev(entry, ::makedev(major, minor));
    }

    Result<void> set_target(const Name& name, ext2_inode_large& inode, archive_entry* entry)
    {
        std::string target;
        if (ext2fs_is_fast_symlink(plain(inode))) {
            target.assign(reinterpret_cast<const char*>(inode.i_block), EXT2_I_SIZE(&inode));
        } else if (auto read = content(name,
                                       [&](std::string_view bytes) {
                                           target += bytes;
                                           return Result<void>();
                                       });
                   !read) {
            return read;
        }
        archive_entry_set_symlink(entry, target.c_str());
        return {};
    }

    Result<void> add_attributes(const Name& name, archive_entry* entry)
    {
        ext2_xattr_handle* opened = nullptr;
        if (const auto failure = ext2fs_xattrs_open(file_system_.get(), name.inode, &opened); failure != 0)
            return damaged(name.path, failure);
        const std::unique_ptr<ext2_xattr_handle, CloseAttributes> attributes(opened);
        if (const auto failure = ext2fs_xattrs_read(opened); failure != 0)
            return damaged(name.path, failure);
        ext2fs_xattrs_iterate(
            opened,
            [](char* key, char* value, std::size_t length, void* into) {
                archive_entry_xattr_add_entry(static_cast<archive_entry*>(into), key, value, length);
                return 0;
            },
            entry);
        return {};
    }

    template <typename Give>
    Result<void> content(const Name& name, const Give& give)
    {
        ext2_file_t opened = nullptr;
        if (const auto failure = ext2fs_file_open(file_system_.get(), name.inode, 0, &opened); failure != 0)
            return damaged(name.path, failure);
        const std::unique_ptr<ext2_file, CloseFile> file(opened);
        for (;;) {
            unsigned got = 0;
            if (call_.cancelled())
                return sdk::make_error(Code::cancelled, "cancelled");
            if (const auto failure = ext2fs_file_read(opened, buffer_.data(), static_cast<unsigned>(buffer_.size()), &got);
                failure != 0)
                return damaged(name.path, failure);
            if (got == 0)
                return {};
            if (auto given = give(std::string_view(buffer_.data(), got)); !given)
                return given;
        }
    }

    struct Listing {
        Ext4Stream& stream;
        const std::string& directory;
        Result<void> taken;
    };

    static int found(ext2_ino_t /*directory*/, int kind, ext2_dir_entry* entry, int /*offset*/, int /*size*/, char* /*block*/,
                     void* self)
    {
        if (kind != DIRENT_OTHER_FILE)  // "." and ".."
            return 0;
        auto& listing = *static_cast<Listing*>(self);
        auto path = listing.directory + "/" + std::string(entry->name, ext2fs_dirent_name_len(entry));
        if (path == "/lost+found" || path == listing.stream.place_.hidden)
            return 0;
        listing.taken = listing.stream.take({std::move(path), entry->inode});
        return listing.taken ? 0 : DIRENT_ABORT;
    }

    Result<void> list(const Name& name)
    {
        Listing listing{*this, name.path, {}};
        const auto failure = ext2fs_dir_iterate2(file_system_.get(), name.inode, 0, nullptr, &Ext4Stream::found, &listing);
        if (listing.taken && failure != 0)
            return damaged(name.path, failure);
        return listing.taken;
    }

    Result<void> header(archive_entry* entry)
    {
        const int status = archive_write_header(writer_.get(), entry);
        return status == ARCHIVE_OK || status == ARCHIVE_WARN ? Result<void>() : Result<void>(unwritten());
    }

    std::string path_;
    Place place_;
    int output_;
    sdk::Call& call_;
    blobs::ArchiveFile writer_;
    FileSystem file_system_;
    std::vector<char> buffer_;
    std::set<ext2_ino_t> seen_;  // directories
    std::vector<Name> open_;     // directories whose turn comes
    HardLinks links_;
};

}  // namespace

bool is_ext4(const std::string& path)
{
    const auto file = sdk::os::open_file(path, O_RDONLY);
    std::array<unsigned char, 2> magic{};
    return file && ::pread(file->get(), magic.data(), magic.size(), magic_at) == static_cast<ssize_t>(magic.size()) &&
           magic[0] == (EXT2_SUPER_MAGIC & 0xffU) && magic[1] == EXT2_SUPER_MAGIC >> 8U;
}

Result<void> stream_ext4(const std::string& path, int output, sdk::Call& call)
{
    Ext4Stream stream(output, call);
    if (auto opened = stream.open(); !opened)
        return opened;
    if (auto added = stream.add(path, {}); !added)
        return added;
    return stream.close();
}

Result<void> stream_machine(const std::string& root, const std::string& home, const LostLine& lost, int output, sdk::Call& call)
{
    const std::string hint = "start the machine, and stop it with `banger vm stop`: that does it";
    Ext4Stream stream(output, call);
    if (auto opened = stream.open(); !opened)
        return opened;
    if (auto added = stream.add(root, {.hidden = "/root", .journal_hint = hint}); !added)
        return added;
    if (auto added = stream.add(home, {.at = "/root", .lost = lost, .journal_hint = hint}); !added)
        return added;
    return stream.close();
}

}  // namespace banger::oci
