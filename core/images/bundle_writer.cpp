// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/bundle_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "core/base/ids.hpp"
#include "core/images/sha256.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr std::size_t copy_bytes = 1U << 20;
constexpr mode_t everybodys = 0644;  // a web server's too, whatever our umask

struct FreeArchive {
    void operator()(archive* open) const { (void)archive_write_free(open); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

Entry entry_of(const std::string& name, off_t size)
{
    Entry entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0444);
    archive_entry_set_size(entry.get(), size);
    archive_entry_set_mtime(entry.get(), 0, 0);
    return entry;
}

/// Where a file has content: [first, second) of lseek(2), SEEK_DATA.
using Run = std::pair<off_t, off_t>;

Result<std::vector<Run>> runs_of(int file, off_t size, const std::string& path)
{
    std::vector<Run> runs;
    for (off_t at = 0; at < size;) {
        const off_t start = ::lseek(file, at, SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            break;
        const off_t end = start < 0 ? -1 : ::lseek(file, start, SEEK_HOLE);
        if (start < 0 || end < 0)
            return sdk::os_error("look for holes in " + path);
        runs.emplace_back(start, end);
        at = end;
    }
    return runs;
}

}  // namespace

struct BundleWriter::State {
    State(std::string directory_path, sdk::Call& outer)
        : directory(std::move(directory_path)), path(directory + "/.new-" + base::random_hex(12)), call(outer)
    {
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State()
    {
        if (file)
            (void)os::remove_file(path);
    }

    Result<void> open()
    {
        auto made = os::open_file(path, O_WRONLY | O_CREAT | O_EXCL, everybodys);
        if (!made)
            return std::move(made).error();
        file = std::move(*made);
        archive_write_set_format_pax(writer.get());
        if (archive_write_add_filter_zstd(writer.get()) != ARCHIVE_OK)
            return failed();
        archive_write_set_bytes_per_block(writer.get(), 0);
        if (archive_write_open(writer.get(), this, nullptr, &State::write, nullptr) != ARCHIVE_OK)
            return failed();
        return {};
    }

    [[nodiscard]] sdk::Error failed() const
    {
        if (failure)
            return *failure;
        const char* why = archive_error_string(writer.get());
        return sdk::make_error(Code::internal, std::string("cannot write the bundle: ") + (why == nullptr ? "" : why));
    }

    static la_ssize_t write(archive* /*writer*/, void* self, const void* bytes, std::size_t length)
    {
        auto& state = *static_cast<State*>(self);
        const std::string_view piece(static_cast<const char*>(bytes), length);
        if (auto written = os::write_all(state.file.get(), piece); !written) {
            state.failure = std::move(written).error();
            return -1;
        }
        state.sum.add(piece);
        state.bytes += length;
        return static_cast<la_ssize_t>(length);
    }

    Result<void> begin(const Entry& entry)
    {
        written = 0;
        if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK)
            return failed();
        return {};
    }

    Result<void> give(std::string_view piece)
    {
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (archive_write_data(writer.get(), piece.data(), piece.size()) < 0)
            return failed();
        written += static_cast<off_t>(piece.size());
        return {};
    }

    // The writer of pax archives is given the whole file, and leaves out what is in holes.
    Result<void> skip(off_t to)
    {
        while (written < to) {
            const auto length = std::min<off_t>(to - written, static_cast<off_t>(zeros.size()));
            if (auto given = give(std::string_view(zeros).substr(0, static_cast<std::size_t>(length))); !given)
                return given;
        }
        return {};
    }

    Result<void> copy(int from, Run run, off_t size, const std::string& name)
    {
        for (auto [at, end] = run; at < end;) {
            const auto wanted = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at));
            const auto count = ::pread(from, buffer.data(), wanted, at);
            if (count <= 0)
                return count < 0 ? sdk::os_error("read " + name)
                                 : sdk::make_error(Code::corrupt, name + " ends too early");
            if (auto given = give({buffer.data(), static_cast<std::size_t>(count)}); !given)
                return given;
            at += count;
            call.progress({"write the bundle", static_cast<std::uint64_t>(at), static_cast<std::uint64_t>(size), "bytes"});
        }
        return {};
    }

    std::string directory;
    std::string path;
    sdk::Call& call;
    os::UniqueFd file;  // none: published
    std::unique_ptr<archive, FreeArchive> writer{archive_write_new()};
    Sha256 sum;
    std::uint64_t bytes = 0;
    std::optional<sdk::Error> failure;
    off_t written = 0;  // of the present member
    std::vector<char> buffer = std::vector<char>(copy_bytes);
    const std::string zeros = std::string(copy_bytes, '\0');
};

BundleWriter::BundleWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
BundleWriter::BundleWriter(BundleWriter&& other) noexcept = default;
BundleWriter::~BundleWriter() = default;

Result<BundleWriter> BundleWriter::create(const std::string& directory, sdk::Call& call)
{
    auto state = std::make_unique<State>(directory, call);
    if (auto opened = state->open(); !opened)
        return std::move(opened).error();
    return BundleWriter(std::move(state));
}

Result<void> BundleWriter::add_text(const std::string& name, const std::string& text)
{
    if (auto begun = state_->begin(entry_of(name, static_cast<off_t>(text.size()))); !begun)
        return begun;
    return state_->give(text);
}

Result<void> BundleWriter::add_file(const std::string& name, const std::string& path)
{
    const auto file = os::open_file(path, O_RDONLY | O_NOFOLLOW);
    struct stat status {};
    if (!file)
        return file.error();
    if (::fstat(file->get(), &status) != 0)
        return sdk::os_error("look at " + path);
    const auto runs = runs_of(file->get(), status.st_size, path);
    if (!runs)
        return runs.error();
    const auto entry = entry_of(name, status.st_size);
    for (const auto& [start, end] : *runs)
        archive_entry_sparse_add_entry(entry.get(), start, end - start);
    if (auto begun = state_->begin(entry); !begun)
        return begun;
    for (const auto& run : *runs) {
        if (auto skipped = state_->skip(run.first); !skipped)
            return skipped;
        if (auto copied = state_->copy(file->get(), run, status.st_size, path); !copied)
            return copied;
    }
    return state_->skip(status.st_size);
}

Result<BundleWriter::Published> BundleWriter::publish(const std::string& stem)
{
    if (archive_write_close(state_->writer.get()) != ARCHIVE_OK)
        return state_->failed();
    const auto digest = hex(state_->sum.finish());
    Published published{stem + "-" + digest + bundle_suffix, "sha256:" + digest, state_->bytes};
    const auto path = state_->directory + "/" + published.file;
    if (::fchmod(state_->file.get(), everybodys) != 0 || ::fsync(state_->file.get()) != 0 ||
        std::rename(state_->path.c_str(), path.c_str()) != 0)
        return sdk::os_error("publish " + path);
    state_->file.reset();
    if (auto synced = os::sync_directory(state_->directory); !synced)
        return std::move(synced).error();
    return published;
}

}  // namespace banger::images
