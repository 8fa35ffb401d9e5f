// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

struct archive;
struct archive_entry;

namespace banger::tree {

/// What a packer tells as it goes.
struct PackEvents {
    /// A file that cannot travel (a socket, a device, a FIFO): its path, and what it is ("a socket"). It is left out.
    std::function<void(const std::string& path, std::string_view what)> on_skipped;
    /// A file that changed while it was read: its name in the stream. What went may be half old and half new; adding it
    /// again puts that right.
    std::function<void(const std::string& name)> on_changed;
    /// Bytes of content that went so far, holes not counted.
    std::function<void(std::uint64_t bytes)> on_progress;
};

/// Writes files, directories and links as a pax archive (IEEE Std 1003.1, pax) to a descriptor: how trees travel between
/// host and guest. Names are bytes. Modes, times to the second, holes and hard links within one stream are kept;
/// owners are not: what is unpacked belongs to who unpacks it.
/// Threads: one. Errors: those of reading, with the path, and of writing; `cancelled` where the reader went away.
class Packer {
public:
    /// Does not own the descriptor, which blocks.
    explicit Packer(int descriptor, PackEvents events = {});
    Packer(const Packer&) = delete;
    Packer& operator=(const Packer&) = delete;
    ~Packer();

    /// One file, link, or directory without what is in it. `path` as for openat(2); `name` is its name in the stream:
    /// relative, "." for the root of a tree. `not_found` if it is gone: the stream is still good then.
    sdk::Result<void> add(int directory, const std::string& path, const std::string& name);
    /// The same with all that is below it, in the order of names. Symbolic links stay links.
    sdk::Result<void> add_tree(int directory, const std::string& path, const std::string& name);
    /// The file at `path`, following it where it is a link.
    sdk::Result<void> add_target(const std::string& path, const std::string& name);
    /// A file that exists nowhere yet; its time is now.
    sdk::Result<void> add_content(const std::string& name, std::string_view content, mode_t mode);
    /// Without it the stream has no end, and whoever unpacks it knows that something is missing.
    sdk::Result<void> finish();

private:
    struct FreeArchive {
        void operator()(archive* open) const;
        void operator()(archive_entry* entry) const;
    };
    struct Found {
        sdk::os::UniqueFd descriptor;  ///< of a regular file or a directory
        struct stat status {};
    };
    sdk::Result<Found> find(int directory, const std::string& path) const;
    sdk::Result<void> put(int directory, const std::string& path, const std::string& name, const Found& found);
    sdk::Result<void> put_children(int directory, const std::string& path, const std::string& name);
    void put_header(const std::string& name, const struct stat& status);
    sdk::Result<void> put_file(const std::string& path, const std::string& name, const Found& found);
    sdk::Result<void> put_run(const Found& found, off_t from, off_t to, bool& changed);
    sdk::Result<void> write(std::string_view bytes);
    [[nodiscard]] sdk::Error failed() const;

    std::unique_ptr<archive, FreeArchive> archive_;
    std::unique_ptr<archive_entry, FreeArchive> entry_;
    PackEvents events_;
    std::map<std::pair<dev_t, ino_t>, std::string> linked_;  ///< files with more than one name: the first that went
    std::vector<char> buffer_;
    std::uint64_t sent_ = 0;
};

}  // namespace banger::tree
