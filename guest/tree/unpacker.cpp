// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/unpacker.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/file.hpp"
#include "guest/tree/beneath.hpp"
#include "guest/tree/new_file.hpp"

namespace banger::tree {
namespace {

// Not by st_ctim, which a new name changes as well.
bool is_same(const struct stat& one, const struct stat& other)
{
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino && one.st_mode == other.st_mode &&
           one.st_size == other.st_size && one.st_mtim.tv_sec == other.st_mtim.tv_sec &&
           one.st_mtim.tv_nsec == other.st_mtim.tv_nsec;
}

/// Bytes. A file that is no longer than this is in memory before its file is made, which saves a step for each of thousands of
/// them.
constexpr la_int64_t small = 64L * 1024;
constexpr mode_t permissions = 0777;  ///< without set-id and sticky bits

using sdk::Code;
using sdk::os::UniqueFd;

/// Where the bytes come from, as libarchive asks for them.
struct Source {
    Input& in;
    bool ended = false;  ///< more was asked for than there is
};

/// Contents then lie as FileWriter likes them where nothing comes before the archive: they and their headers are multiples of
/// 512 bytes (tar(5)).
la_ssize_t read_piece(archive* open, void* client, const void** bytes)
{
    auto& source = *static_cast<Source*>(client);
    const auto piece = source.in.next(Input::most);
    source.ended = !piece || piece->empty();
    if (!piece) {
        archive_set_error(open, EIO, "%s", piece.error().message.c_str());
        return -1;
    }
    *bytes = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

struct FreeReader {
    void operator()(archive* open) const { archive_read_free(open); }
};

class Unpacker {
public:
    Unpacker(Input& in, int directory, std::string leaf, const UnpackOptions& options)
        : root_(directory), leaf_(leaf == "." ? "" : std::move(leaf)), options_(options), source_{in}
    {
    }

    sdk::Result<Unpacked> run();

private:
    struct Place {
        int directory = -1;  ///< of its parent
        std::string name;    ///< in it
        std::string path;    ///< below root_; what errors say
    };
    struct Finished {
        std::string path;
        mode_t mode;
        timespec time;
    };

    sdk::Result<void> open();
    sdk::Result<void> take(archive_entry* entry);
    [[nodiscard]] sdk::Result<std::string> path_of(const char* name) const;
    sdk::Result<Place> place_of(const char* name);
    sdk::Result<int> parent(const std::string& path);
    sdk::Result<void> make_parents(const std::string& path);
    sdk::Result<void> clear(const Place& place);
    sdk::Result<void> make_directory(const Place& place, archive_entry* entry);
    sdk::Result<void> make_file(const Place& place, archive_entry* entry);
    sdk::Result<void> make_symlink(const Place& place, archive_entry* entry);
    sdk::Result<void> make_hard_link(const Place& place, const char* to);
    sdk::Result<void> make_large_file(const Place& place, archive_entry* entry);
    sdk::Result<void> make_small_file(const Place& place, archive_entry* entry);
    static sdk::Result<void> set_mode_and_time(int file, archive_entry* entry);
    template <typename Take>
    sdk::Result<la_int64_t> read_content(Take take);
    sdk::Result<void> write_content(int file, archive_entry* entry);
    /// `make` makes an entry of the name it gets; it goes to a name beside the place, and then replaces what is there.
    template <typename Make>
    sdk::Result<void> put(const Place& place, Make make);
    sdk::Result<void> replace_if_unchanged(const Place& place, const std::string& beside);
    sdk::Result<void> finish_directories();
    sdk::Result<void> read_to_end();
    [[nodiscard]] sdk::Error broken() const;

    int root_;
    std::string leaf_;
    const UnpackOptions& options_;
    Source source_;
    std::unique_ptr<archive, FreeReader> archive_{archive_read_new()};
    std::optional<std::string> parent_path_;
    UniqueFd parent_;
    std::vector<Finished> directories_;
    Unpacked done_;
};

sdk::Error failed(const std::string& what, const std::string& path)
{
    return sdk::os_error(what + " '" + path + "'");
}

sdk::Error in_the_way(const std::string& path)
{
    return sdk::make_error(Code::exists, "something else is in the way of '" + path + "'", "move it away first");
}

sdk::Error Unpacker::broken() const
{
    const char* why = archive_error_string(archive_.get());
    return sdk::make_error(Code::corrupt,
                           "the stream of files is damaged: " + std::string(why != nullptr ? why : "no reason given"));
}

sdk::Result<void> Unpacker::open()
{
    archive_read_support_format_tar(archive_.get());
    archive_read_set_options(archive_.get(), "hdrcharset=BINARY");
    if (archive_read_open(archive_.get(), &source_, nullptr, read_piece, nullptr) != ARCHIVE_OK)
        return source_.ended ? sdk::make_error(Code::corrupt, "the stream of files ended before it began") : broken();
    return {};
}

sdk::Result<Unpacked> Unpacker::run()
{
    if (auto opened = open(); !opened)
        return std::move(opened).error();
    for (;;) {
        archive_entry* entry = nullptr;
        const int got = archive_read_next_header(archive_.get(), &entry);
        if (got == ARCHIVE_EOF)
            break;
        if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
            return broken();
        auto taken = take(entry);
        if (!taken && taken.error().code == Code::exists && options_.on_in_the_way)
            options_.on_in_the_way(path_of(archive_entry_pathname(entry)).value_or(""));
        else if (!taken)
            return std::move(taken).error();
    }
    // A tar says where it ends. libarchive is content with the end of its input, which a sender that died gives as well.
    if (source_.ended)
        return sdk::make_error(Code::corrupt, "the stream of files ended in the middle");
    if (auto finished = finish_directories(); !finished)
        return std::move(finished).error();
    if (auto rest = read_to_end(); !rest)
        return std::move(rest).error();
    return done_;
}

/// What follows the end is padding; somebody still writes it.
sdk::Result<void> Unpacker::read_to_end()
{
    for (;;) {
        const auto piece = source_.in.next(Input::most);
        if (!piece || piece->empty())
            return piece ? sdk::Result<void>() : piece.error();
    }
}

sdk::Result<std::string> Unpacker::path_of(const char* name) const
{
    auto clean = clean_name(name != nullptr ? name : "");
    if (!clean)
        return clean;
    std::string path = leaf_;
    if (!clean->empty())
        path += (path.empty() ? "" : "/") + *clean;
    return path;
}

sdk::Result<Unpacker::Place> Unpacker::place_of(const char* name)
{
    auto found = path_of(name);
    if (!found)
        return std::move(found).error();
    const std::string& path = *found;
    if (path.empty())
        return Place{root_, "", "."};
    const auto slash = path.rfind('/');
    auto directory = parent(slash == std::string::npos ? "" : path.substr(0, slash));
    if (!directory)
        return std::move(directory).error();
    return Place{*directory, slash == std::string::npos ? path : path.substr(slash + 1), path};
}

sdk::Result<int> Unpacker::parent(const std::string& path)
{
    if (path.empty())
        return root_;
    if (parent_path_ == path)
        return parent_.get();
    UniqueFd opened = open_beneath(root_, path, O_PATH | O_DIRECTORY);
    if (!opened) {
        if (auto made = make_parents(path); !made)
            return std::move(made).error();
        opened = open_beneath(root_, path, O_PATH | O_DIRECTORY);
    }
    if (!opened)
        return failed("open the directory", path);
    parent_ = std::move(opened);
    parent_path_ = path;
    return parent_.get();
}

sdk::Result<void> Unpacker::make_parents(const std::string& path)
{
    UniqueFd above;
    for (std::size_t at = 0; at <= path.size();) {
        const auto slash = std::min(path.find('/', at), path.size());
        const Place place{above ? above.get() : root_, path.substr(at, slash - at), path.substr(0, slash)};
        at = slash + 1;
        UniqueFd opened = open_beneath(place.directory, place.name, O_PATH | O_DIRECTORY);
        if (!opened && (errno == ELOOP || errno == ENOTDIR))
            if (auto cleared = clear(place); !cleared)
                return cleared;
        if (!opened && mkdirat(place.directory, place.name.c_str(), 0755) != 0)
            return failed("make the directory", place.path);
        if (!opened)
            opened = open_beneath(place.directory, place.name, O_PATH | O_DIRECTORY);
        if (!opened)
            return failed("open the directory", place.path);
        above = std::move(opened);
    }
    return {};
}

/// Removes what stands there, where that is allowed.
sdk::Result<void> Unpacker::clear(const Place& place)
{
    if (!options_.replace)
        return in_the_way(place.path);
    parent_path_.reset();  // it may have been below
    return sdk::os::remove_tree("/proc/self/fd/" + std::to_string(place.directory) + "/" + place.name);
}

sdk::Result<void> Unpacker::take(archive_entry* entry)
{
    const auto type = archive_entry_filetype(entry);
    if (options_.takes)
        for (const char* name : {archive_entry_pathname(entry), archive_entry_hardlink(entry)})
            if (name != nullptr && (type == AE_IFDIR || !options_.takes(path_of(name).value_or(""))))
                return sdk::make_error(Code::invalid, "the stream has something that was not asked for: '" +
                                                          std::string(name) + "'");
    auto place = place_of(archive_entry_pathname(entry));
    if (!place)
        return std::move(place).error();
    if (place->name.empty())
        return type == AE_IFDIR ? sdk::Result<void>() : in_the_way(place->path);
    if (const char* to = archive_entry_hardlink(entry))
        return make_hard_link(*place, to);
    if (type == AE_IFDIR)
        return make_directory(*place, entry);
    ++done_.files;
    if (type == AE_IFLNK)
        return make_symlink(*place, entry);
    if (type == AE_IFREG)
        return make_file(*place, entry);
    return sdk::make_error(Code::invalid, "'" + place->path + "' is no file, directory or link, and cannot be made");
}

sdk::Result<void> Unpacker::make_directory(const Place& place, archive_entry* entry)
{
    if (mkdirat(place.directory, place.name.c_str(), 0700) != 0) {
        if (errno != EEXIST)
            return failed("make the directory", place.path);
        struct stat there {};
        if (fstatat(place.directory, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
            return failed("inspect", place.path);
        if (!S_ISDIR(there.st_mode)) {
            if (auto cleared = clear(place); !cleared)
                return cleared;
            if (mkdirat(place.directory, place.name.c_str(), 0700) != 0)
                return failed("make the directory", place.path);
        }
    }
    directories_.push_back({place.path, static_cast<mode_t>(archive_entry_perm(entry)) & permissions,
                            {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}});
    return {};
}

template <typename Make>
sdk::Result<void> Unpacker::put(const Place& place, Make make)
{
    const HeldSignals held;
    if (auto made = make(place.name); made || made.error().code != Code::exists)
        return made;
    struct stat there {};
    if (fstatat(place.directory, place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode)) {
        if (auto cleared = clear(place); !cleared)
            return cleared;
        return make(place.name);
    }
    const std::string beside = temporary_name();
    if (auto made = make(beside); !made)
        return made;
    if (options_.may_replace)
        return replace_if_unchanged(place, beside);
    if (renameat(place.directory, beside.c_str(), place.directory, place.name.c_str()) == 0) {
        unlinkat(place.directory, beside.c_str(), 0);  // still there if both are links to one file, rename(2)
        return {};
    }
    auto error = failed("replace", place.path);
    unlinkat(place.directory, beside.c_str(), 0);
    return error;
}

/// The name changes hands in one step, and what had it is looked at once more before it goes: whoever wrote to it after
/// the question was asked finds it as it was.
sdk::Result<void> Unpacker::replace_if_unchanged(const Place& place, const std::string& beside)
{
    const int in = place.directory;
    const auto exchange = [&] {
        return renameat2(in, beside.c_str(), in, place.name.c_str(), RENAME_EXCHANGE) == 0;
    };
    struct stat ours {};
    struct stat before {};
    struct stat displaced {};
    sdk::Result<void> done;
    if (fstatat(in, beside.c_str(), &ours, AT_SYMLINK_NOFOLLOW) != 0)
        return failed("inspect", place.path);
    const bool is_there = fstatat(in, place.name.c_str(), &before, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && options_.may_replace(place.path)) {
        if (exchange()) {
            if (fstatat(in, beside.c_str(), &displaced, AT_SYMLINK_NOFOLLOW) == 0 && !is_same(before, displaced) &&
                exchange() && fstatat(in, beside.c_str(), &displaced, AT_SYMLINK_NOFOLLOW) == 0 &&
                displaced.st_ino != ours.st_ino)
                exchange();  // ours was replaced in turn, by what is the newest
        } else if (errno == ENOENT) {
            // gone meanwhile, which is a change as well
        } else if (errno != EINVAL && errno != ENOSYS) {
            done = failed("replace", place.path);
        } else if (renameat(in, beside.c_str(), in, place.name.c_str()) != 0) {  // not every file system can exchange
            done = failed("replace", place.path);
        }
    }
    unlinkat(in, beside.c_str(), 0);
    return done;
}

sdk::Result<void> Unpacker::make_symlink(const Place& place, archive_entry* entry)
{
    const char* target = archive_entry_symlink(entry);
    if (target == nullptr)
        return broken();
    return put(place, [&](const std::string& name) -> sdk::Result<void> {
        if (symlinkat(target, place.directory, name.c_str()) != 0)
            return failed("make the link", place.path);
        const timespec times[2] = {{0, UTIME_OMIT}, {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
        utimensat(place.directory, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
        return {};
    });
}

sdk::Result<void> Unpacker::make_hard_link(const Place& place, const char* to)
{
    // The other name may be in another directory, and only one is kept open: this one must survive.
    const UniqueFd here(openat(place.directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto first = place_of(to);
    if (!first)
        return std::move(first).error();
    if (!here || first->name.empty())
        return odd_name(to);
    ++done_.files;
    return put({here.get(), place.name, place.path}, [&](const std::string& name) -> sdk::Result<void> {
        if (linkat(first->directory, first->name.c_str(), here.get(), name.c_str(), 0) != 0)
            return failed("link", place.path);
        return {};
    });
}

sdk::Result<void> Unpacker::make_file(const Place& place, archive_entry* entry)
{
    auto made = archive_entry_size(entry) <= small ? make_small_file(place, entry) : make_large_file(place, entry);
    return made ? made : std::move(made).error().while_doing("write '" + place.path + "'");
}

sdk::Result<void> Unpacker::make_large_file(const Place& place, archive_entry* entry)
{
    auto file = NewFile::make(place.directory);
    if (!file)
        return std::move(file).error();
    if (auto written = write_content(file->descriptor(), entry); !written)
        return written;
    if (auto set = set_mode_and_time(file->descriptor(), entry); !set)
        return set;
    return put(place, [&](const std::string& name) { return file->publish(name); });
}

/// Nothing can come between that would leave half of it.
sdk::Result<void> Unpacker::make_small_file(const Place& place, archive_entry* entry)
{
    std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    auto read = read_content([&](std::string_view bytes, la_int64_t at) {
        if (at < 0 || static_cast<std::size_t>(at) + bytes.size() > content.size())
            return sdk::Result<void>(sdk::make_error(Code::corrupt, "the stream has more of a file than it said"));
        bytes.copy(content.data() + at, bytes.size());
        return sdk::Result<void>();
    });
    if (!read)
        return std::move(read).error();
    return put(place, [&](const std::string& name) -> sdk::Result<void> {
        const UniqueFd file(
            openat(place.directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file)
            return sdk::os_error("make a file");
        auto written = sdk::os::write_all(file.get(), content);
        if (written)
            written = set_mode_and_time(file.get(), entry);
        if (!written)
            unlinkat(place.directory, name.c_str(), 0);
        return written;
    });
}

sdk::Result<void> Unpacker::set_mode_and_time(int file, archive_entry* entry)
{
    const timespec times[2] = {{0, UTIME_OMIT}, {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    if (fchmod(file, static_cast<mode_t>(archive_entry_perm(entry)) & permissions) != 0 || futimens(file, times) != 0)
        return sdk::os_error("set mode and time");
    return {};
}

/// Gives each piece of an entry to `take`, which returns a Result; where the last one ends.
template <typename Take>
sdk::Result<la_int64_t> Unpacker::read_content(Take take)
{
    la_int64_t end = 0;
    for (;;) {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t at = 0;
        const int got = archive_read_data_block(archive_.get(), &bytes, &size, &at);
        if (got == ARCHIVE_EOF)
            return end;
        if (got != ARCHIVE_OK)
            return source_.ended ? sdk::make_error(Code::corrupt, "the stream of files ended in the middle") : broken();
        if (auto taken = take(std::string_view(static_cast<const char*>(bytes), size), at); !taken)
            return std::move(taken).error();
        end = at + static_cast<la_int64_t>(size);
        done_.bytes += size;
        if (options_.on_progress)
            options_.on_progress(done_.bytes);
    }
}

sdk::Result<void> Unpacker::write_content(int file, archive_entry* entry)
{
    FileWriter writer(file, options_.caching);
    auto end = read_content([&](std::string_view bytes, la_int64_t at) { return writer.write(bytes, at); });
    if (!end)
        return std::move(end).error();
    if (auto finished = writer.finish(); !finished)
        return finished;
    if (*end < archive_entry_size(entry) && ftruncate(file, archive_entry_size(entry)) != 0)
        return sdk::os_error("write a file");
    return {};
}

/// Last and innermost first: a directory may forbid us to change what is in it, and its time changes with that.
sdk::Result<void> Unpacker::finish_directories()
{
    for (auto one = directories_.rbegin(); one != directories_.rend(); ++one) {
        const UniqueFd opened = open_beneath(root_, one->path, O_RDONLY | O_DIRECTORY);
        if (!opened && errno == ENOENT)
            continue;  // a later entry replaced it
        const timespec times[2] = {{0, UTIME_OMIT}, one->time};
        if (!opened || fchmod(opened.get(), one->mode) != 0 || futimens(opened.get(), times) != 0)
            return failed("set mode and time of", one->path);
    }
    return {};
}

}  // namespace

sdk::Result<Unpacked> unpack(Input& in, int directory, const std::string& leaf, const UnpackOptions& options)
{
    return Unpacker(in, directory, leaf, options).run();
}

}  // namespace banger::tree
