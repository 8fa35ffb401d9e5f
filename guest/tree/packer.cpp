// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/packer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

namespace banger::tree {
namespace {

constexpr std::size_t piece = 256UL * 1024;
constexpr std::size_t longest_link = 4096;  ///< PATH_MAX, limits.h
constexpr off_t stat_block = 512;           ///< the unit of st_blocks, stat(3type)

std::string_view kind_that_stays(mode_t mode)
{
    switch (mode & S_IFMT) {
        case S_IFSOCK: return "a socket";
        case S_IFIFO: return "a FIFO";
        case S_IFCHR:
        case S_IFBLK: return "a device";
        default: return "";
    }
}

bool same_time(const timespec& a, const timespec& b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

struct Run {
    off_t from = 0;
    off_t to = 0;
};

/// The parts of a file that hold data; one run over everything where its file system knows no holes.
std::vector<Run> runs_of(int file, const struct stat& status)
{
    const Run whole{0, status.st_size};
    if (status.st_blocks * stat_block >= status.st_size)
        return {whole};
    std::vector<Run> runs;
    for (off_t at = 0; at < status.st_size;) {
        const off_t data = lseek(file, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            break;
        const off_t hole = data < 0 ? -1 : lseek(file, data, SEEK_HOLE);
        if (hole < 0)
            return {whole};
        runs.push_back({data, std::min(hole, status.st_size)});
        at = hole;
    }
    return runs;
}

sdk::Result<std::vector<std::string>> names_in(int directory, const std::string& path)
{
    const int opened = openat(directory, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(opened < 0 ? nullptr : fdopendir(opened), &closedir);
    if (!listing)
        return sdk::os_error("read the directory '" + path + "'");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(listing.get()))  // NOLINT(concurrency-mt-unsafe): nobody else has it
        if (const std::string_view name = entry->d_name; name != "." && name != "..")
            names.emplace_back(name);
    if (errno != 0)
        return sdk::os_error("read the directory '" + path + "'");
    std::sort(names.begin(), names.end());
    return names;
}

la_ssize_t write_some(archive* open, void* client, const void* bytes, std::size_t size)
{
    for (;;) {
        const ssize_t written = ::write(*static_cast<int*>(client), bytes, size);
        if (written >= 0)
            return written;
        if (errno == EINTR)
            continue;
        archive_set_error(open, errno, "write");
        return -1;
    }
}

int free_descriptor(archive* /*open*/, void* client)
{
    delete static_cast<int*>(client);
    return ARCHIVE_OK;
}

}  // namespace

void Packer::FreeArchive::operator()(archive* open) const
{
    archive_write_free(open);
}

void Packer::FreeArchive::operator()(archive_entry* entry) const
{
    archive_entry_free(entry);
}

Packer::Packer(int descriptor, PackEvents events)
    : archive_(archive_write_new()), entry_(archive_entry_new()), events_(std::move(events)), buffer_(piece)
{
    archive_write_set_format_pax_restricted(archive_.get());
    // Names are bytes, whatever the locale: without it those that are no UTF-8 fail.
    archive_write_set_options(archive_.get(), "hdrcharset=BINARY");
    archive_write_set_bytes_per_block(archive_.get(), piece);
    archive_write_set_bytes_in_last_block(archive_.get(), 1);
    // archive_write_free writes the end of an archive; who did not finish must not seem to have.
    archive_write_open2(archive_.get(), new int(descriptor), nullptr, write_some, nullptr, free_descriptor);
}

Packer::~Packer()
{
    if (archive_)
        archive_write_fail(archive_.get());
}

sdk::Error Packer::failed() const
{
    const int number = archive_errno(archive_.get());
    if (number == EPIPE)
        return sdk::make_error(sdk::Code::cancelled, "whoever takes the files went away");
    return sdk::os_error("send files", number > 0 ? number : EIO);
}

sdk::Result<Packer::Found> Packer::find(int directory, const std::string& path) const
{
    Found found;
    if (fstatat(directory, path.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) != 0)
        return sdk::os_error("read '" + path + "'");
    if (!S_ISREG(found.status.st_mode))
        return found;
    found.descriptor.reset(openat(directory, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!found.descriptor || fstat(found.descriptor.get(), &found.status) != 0)
        return sdk::os_error("read '" + path + "'");
    if (!S_ISREG(found.status.st_mode))
        return sdk::make_error(sdk::Code::busy, "'" + path + "' became something else while it was opened",
                               "try again once it is left alone");
    return found;
}

sdk::Result<void> Packer::add(int directory, const std::string& path, const std::string& name)
{
    auto found = find(directory, path);
    if (!found)
        return std::move(found).error();
    return put(directory, path, name, *found);
}

sdk::Result<void> Packer::add_tree(int directory, const std::string& path, const std::string& name)
{
    auto found = find(directory, path);
    if (!found)
        return std::move(found).error();
    if (auto done = put(directory, path, name, *found); !done || !S_ISDIR(found->status.st_mode))
        return done;
    return put_children(directory, path, name);
}

sdk::Result<void> Packer::add_target(const std::string& path, const std::string& name)
{
    Found found;
    if (stat(path.c_str(), &found.status) != 0)
        return sdk::os_error("read '" + path + "'");
    if (const auto what = kind_that_stays(found.status.st_mode); !what.empty())
        return sdk::make_error(sdk::Code::invalid, "'" + path + "' is " + std::string(what) + ", which cannot be copied");
    found.descriptor.reset(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!found.descriptor || fstat(found.descriptor.get(), &found.status) != 0)
        return sdk::os_error("read '" + path + "'");
    return put(AT_FDCWD, path, name, found);
}

sdk::Result<void> Packer::put_children(int directory, const std::string& path, const std::string& name)
{
    auto names = names_in(directory, path);
    if (!names)
        return std::move(names).error();
    for (const auto& child : *names) {
        const std::string below = path + "/" + child;
        auto added = add_tree(directory, below, name + "/" + child);
        // What was removed since the directory was read is not missed.
        if (!added && !(added.error().code == sdk::Code::not_found && faccessat(directory, below.c_str(), F_OK,
                                                                                AT_SYMLINK_NOFOLLOW) != 0))
            return added;
    }
    return {};
}

void Packer::put_header(const std::string& name, const struct stat& status)
{
    archive_entry_set_pathname(entry_.get(), name.c_str());
    archive_entry_set_mode(entry_.get(), status.st_mode);
    archive_entry_set_mtime(entry_.get(), status.st_mtim.tv_sec, 0);
    archive_entry_set_size(entry_.get(), S_ISREG(status.st_mode) ? status.st_size : 0);
}

sdk::Result<void> Packer::put(int directory, const std::string& path, const std::string& name, const Found& found)
{
    if (const auto what = kind_that_stays(found.status.st_mode); !what.empty()) {
        if (events_.on_skipped)
            events_.on_skipped(path, what);
        return {};
    }
    archive_entry_clear(entry_.get());
    put_header(name, found.status);
    if (S_ISLNK(found.status.st_mode)) {
        std::array<char, longest_link> target{};
        const auto size = readlinkat(directory, path.c_str(), target.data(), target.size());
        if (size < 0)
            return sdk::os_error("read the link '" + path + "'");
        archive_entry_set_symlink(entry_.get(), std::string(target.data(), static_cast<std::size_t>(size)).c_str());
    }
    if (S_ISREG(found.status.st_mode)) {
        if (found.status.st_nlink > 1) {
            const auto [first, is_new] = linked_.try_emplace({found.status.st_dev, found.status.st_ino}, name);
            if (!is_new && first->second != name) {
                archive_entry_set_size(entry_.get(), 0);
                archive_entry_set_hardlink(entry_.get(), first->second.c_str());
                return archive_write_header(archive_.get(), entry_.get()) == ARCHIVE_OK ? sdk::Result<void>()
                                                                                        : failed();
            }
        }
        return put_file(path, name, found);
    }
    if (archive_write_header(archive_.get(), entry_.get()) != ARCHIVE_OK)
        return failed();
    return {};
}

sdk::Result<void> Packer::put_file(const std::string& path, const std::string& name, const Found& found)
{
    const auto runs = runs_of(found.descriptor.get(), found.status);
    const bool is_sparse = !(runs.size() == 1 && runs[0].from == 0 && runs[0].to == found.status.st_size);
    if (is_sparse && found.status.st_size > 0) {
        for (const auto& run : runs)
            archive_entry_sparse_add_entry(entry_.get(), run.from, run.to - run.from);
        if (runs.empty())
            archive_entry_sparse_add_entry(entry_.get(), 0, 0);
    }
    if (archive_write_header(archive_.get(), entry_.get()) != ARCHIVE_OK)
        return failed();
    bool changed = false;
    off_t at = 0;
    const std::vector<char> nothing(is_sparse ? piece : 0);
    const auto put_hole = [&](off_t to) -> sdk::Result<void> {
        // The archive knows the hole already and takes no notice of what these bytes are.
        for (; at < to; at += std::min<off_t>(to - at, piece))
            if (auto put = write({nothing.data(), static_cast<std::size_t>(std::min<off_t>(to - at, piece))}); !put)
                return put;
        return {};
    };
    for (const auto& run : runs) {
        if (auto put = put_hole(run.from); !put)
            return put;
        if (auto put = put_run(found, run.from, run.to, changed); !put)
            return std::move(put).error().while_doing("read '" + path + "'");
        at = run.to;
    }
    if (auto put = put_hole(found.status.st_size); !put)
        return put;
    struct stat after {};
    changed = changed || fstat(found.descriptor.get(), &after) != 0 || after.st_size != found.status.st_size ||
              !same_time(after.st_mtim, found.status.st_mtim);
    if (changed && events_.on_changed)
        events_.on_changed(name);
    return {};
}

sdk::Result<void> Packer::put_run(const Found& found, off_t from, off_t to, bool& changed)
{
    while (from < to) {
        const auto want = std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(to - from));
        ssize_t got = pread(found.descriptor.get(), buffer_.data(), want, from);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return sdk::os_error("read a file");
        if (got == 0) {  // it got shorter; its length is promised already
            changed = true;
            std::fill(buffer_.begin(), buffer_.end(), '\0');
            got = static_cast<ssize_t>(want);
        }
        if (auto put = write({buffer_.data(), static_cast<std::size_t>(got)}); !put)
            return put;
        from += got;
        sent_ += static_cast<std::uint64_t>(got);
        if (events_.on_progress)
            events_.on_progress(sent_);
    }
    return {};
}

sdk::Result<void> Packer::write(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto taken = archive_write_data(archive_.get(), bytes.data(), bytes.size());
        if (taken <= 0)
            return failed();
        bytes.remove_prefix(static_cast<std::size_t>(taken));
    }
    return {};
}

sdk::Result<void> Packer::add_content(const std::string& name, std::string_view content, mode_t mode)
{
    struct stat status {};
    status.st_mode = S_IFREG | mode;
    status.st_size = static_cast<off_t>(content.size());
    status.st_mtim.tv_sec = std::time(nullptr);
    archive_entry_clear(entry_.get());
    put_header(name, status);
    if (archive_write_header(archive_.get(), entry_.get()) != ARCHIVE_OK)
        return failed();
    return write(content);
}

sdk::Result<void> Packer::finish()
{
    if (archive_write_close(archive_.get()) != ARCHIVE_OK)
        return failed();
    archive_.reset();
    return {};
}

}  // namespace banger::tree
