// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::images {

enum class FileKind : std::uint8_t { regular, directory, symlink, character_device, block_device, fifo, socket };

/// One extended attribute with the name and value that getxattr(2) gives, so POSIX ACLs come in the kernel's
/// version 2 format under system.posix_acl_access and system.posix_acl_default.
struct Xattr {
    std::string name;
    std::string value;
};

/// What an inode carries beside its content. Access and change time become the modification time.
struct Metadata {
    std::uint32_t mode = 0644;  ///< permission, set-id and sticky bits (07777); the kind of file is not part of it
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime_seconds = 0;  ///< since 1970; moved into what ext4 can hold (1901 to 2446)
    std::uint32_t mtime_nanoseconds = 0;
    std::vector<Xattr> xattrs;  ///< each name once
};

/// A run of file content: `bytes` belong at byte `offset` of the file. Valid until the next pull.
struct DataRun {
    std::uint64_t offset = 0;
    std::string_view bytes;
};

/// Gives the runs of one file in ascending order without overlap, then nothing. What no run covers is a hole.
/// It must not call the writer that pulls.
using PullData = std::function<sdk::Result<std::optional<DataRun>>()>;

struct Ext4Options {
    std::string label;                         ///< at most 16 bytes
    std::array<std::uint8_t, 16> uuid{};       ///< of the file system; seeds all its checksums
    std::array<std::uint8_t, 16> hash_seed{};  ///< seed of the directory hash
    std::int64_t time = 0;                     ///< of everything that no entry dates, seconds since 1970; 0 counts as 1
    std::uint64_t max_bytes = 64ULL << 30;     ///< the file never gets longer than this
    std::uint64_t grow_to_bytes = 1ULL << 40;  ///< descriptor blocks are kept free for online growth up to here
    std::uint64_t journal_bytes = 32U << 20;   ///< 0: no journal (for disks that are only read); else at least 4 MiB
    std::uint32_t bytes_per_inode = 16384;     ///< as mke2fs: one inode for so many bytes of disk
    std::uint64_t memory_bytes = 32U << 20;    ///< of RAM for names and inodes; what is more of them goes to a nameless file
    bool sync = true;                          ///< finish() returns when the file is on stable storage
    std::function<bool()> cancelled;           ///< asked between pieces of work; true ends with Code::cancelled
};

struct Ext4Summary {
    std::uint64_t file_bytes = 0;   ///< length of the file; a disk that stands on it is at least as long
    std::uint64_t used_bytes = 0;   ///< blocks in use, metadata and journal included
    std::uint64_t block_count = 0;  ///< of 4096 bytes
    std::uint64_t inode_count = 0;  ///< used and free
    std::uint64_t file_count = 0;   ///< inodes made for entries: every file, directory, link target and special file
};

/// Writes an ext4 file system into a regular file from a stream of entries: no mount, no root, no unpacked tree,
/// and no need to know the size beforehand. finish() cuts the file system down to the block groups it uses.
///
/// File data goes to the file as it comes, in contiguous extents; inodes and directories are kept (about 120 bytes for
/// each entry, of which Ext4Options::memory_bytes in RAM and the others in a file without a name beside this one) and are
/// written once, by finish(). The same calls give the same bytes.
///
/// Paths are relative to the root of the file system, which is "". Any byte but '/' and NUL is legal in a name;
/// empty names, "." and ".." are not. Symbolic links are never followed: a path below one is an error. A later entry
/// replaces an earlier one as tar would: a directory keeps its content and takes the new metadata; a non-directory
/// replaces a non-directory or an empty directory; a directory replaces a non-directory. Missing parents are made
/// root's with mode 0755.
///
/// Threads: none of its own; one caller at a time.
/// Failure: Code::invalid leaves the writer usable; after any other error only destruction is. The writer never
/// removes its file: a caller that gives up removes it.
class Ext4Writer {
public:
    /// Makes the file at `path` (mode 0600). Errors: exists, invalid options, what the operating system says.
    static sdk::Result<Ext4Writer> create(const std::string& path, Ext4Options options);

    Ext4Writer(Ext4Writer&&) noexcept;
    Ext4Writer& operator=(Ext4Writer&&) noexcept;
    ~Ext4Writer();

    sdk::Result<void> directory(std::string_view path, const Metadata& metadata);
    /// `size` is the length of the file. A run beyond it is Code::invalid; an error from `pull` is passed on.
    sdk::Result<void> file(std::string_view path, const Metadata& metadata, std::uint64_t size, const PullData& pull);
    sdk::Result<void> symlink(std::string_view path, const Metadata& metadata, std::string_view target);
    /// Gives the non-directory at `existing` a further name. Not found: Code::invalid.
    sdk::Result<void> hard_link(std::string_view path, std::string_view existing);
    /// `kind` is character_device or block_device; numbers as Linux has them (12 and 20 bits).
    sdk::Result<void> device(std::string_view path, const Metadata& metadata, FileKind kind, std::uint32_t major,
                             std::uint32_t minor);
    sdk::Result<void> fifo(std::string_view path, const Metadata& metadata);
    sdk::Result<void> socket(std::string_view path, const Metadata& metadata);
    /// Removes what is at `path` with all below it; nothing there is no error.
    sdk::Result<void> remove(std::string_view path);
    /// From here on a new layer brings entries (as the OCI image specification has layers). Errors: invalid for the 65,536th.
    sdk::Result<void> begin_layer();
    /// Whether this layer has brought what is at `path`, or something below it. Never of the root.
    [[nodiscard]] bool touched(std::string_view path) const;
    /// Counts what is at `path` as brought by this layer.
    void touch(std::string_view path);
    /// Removes what is at `path` and below it, but for what this layer has brought; `only_below` keeps the path itself.
    sdk::Result<void> remove_lower(std::string_view path, bool only_below);
    /// Copies the non-directory at `existing` of another writer, content and metadata, to `path` here.
    sdk::Result<void> copy(std::string_view path, Ext4Writer& from, std::string_view existing);

    /// What is at `path`, following no link; nothing if there is nothing. Works after finish() too.
    [[nodiscard]] std::optional<FileKind> kind_of(std::string_view path) const;
    /// The names in the directory at `path`, sorted; none if there is no directory.
    [[nodiscard]] std::vector<std::string> names_in(std::string_view path) const;
    /// Whether nothing is in the directory at `path`, or no directory is there.
    [[nodiscard]] bool is_empty(std::string_view path) const;
    /// The content of the regular file at `path` up to `limit` bytes; nothing if there is no regular file.
    [[nodiscard]] sdk::Result<std::optional<std::string>> read_file(std::string_view path, std::size_t limit);

    /// Writes directories, inodes, bitmaps and superblocks, sets the file's length and syncs it. Only once.
    sdk::Result<Ext4Summary> finish();

    struct State;

private:
    explicit Ext4Writer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace banger::images
