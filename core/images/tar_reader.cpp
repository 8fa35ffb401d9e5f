// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/tar_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace banger::images {
namespace {

constexpr std::size_t buffer_bytes = 256U << 10;
constexpr int pipe_bytes = 1 << 20;
constexpr std::uint64_t tar_block = 512;  // tar(5)

// Names are bytes, but libarchive converts those in pax headers from UTF-8 to the character set of the locale, and
// where that is UTF-8 too it still composes their accents: a name would change. It cannot convert to the C locale's
// ASCII, and what it cannot convert it leaves alone (with ARCHIVE_WARN). The option hdrcharset has no say in this.
class PlainLocale {
public:
    PlainLocale() : plain_(::newlocale(LC_ALL_MASK, "C", nullptr)), before_(::uselocale(plain_)) {}
    ~PlainLocale()
    {
        (void)::uselocale(before_);
        if (plain_ != nullptr)
            ::freelocale(plain_);
    }
    PlainLocale(const PlainLocale&) = delete;
    PlainLocale& operator=(const PlainLocale&) = delete;

private:
    locale_t plain_;
    locale_t before_;
};

ssize_t read_some(int fd, std::vector<char>& buffer)
{
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count >= 0 || errno != EINTR)
            return count;
    }
}

}  // namespace

struct TarReader::Source {
    explicit Source(int from) : fd(from), buffer(buffer_bytes) {}

    static la_ssize_t give(archive*, void* self, const void** bytes)
    {
        auto& source = *static_cast<Source*>(self);
        const auto count = read_some(source.fd, source.buffer);
        if (count < 0)
            source.failure = sdk::os_error("read the archive");
        *bytes = source.buffer.data();
        return count;
    }

    // Of a sparse file only its runs are stored.
    void note_stored(archive_entry* entry)
    {
        is_sparse = archive_entry_sparse_count(entry) > 0;
        stored = 0;
        if (is_sparse)
            stored.reset();
        else if (archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr)
            stored = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
    }

    // The next header begins behind the padding. One whose length nobody knows counts as short as it may be.
    void note_content_end()
    {
        const auto header = static_cast<std::uint64_t>(archive_read_header_position(reader.get()));
        const auto padding = stored ? (tar_block - *stored % tar_block) % tar_block : tar_block - 1;
        content_end = header - std::min(header, padding);
    }

    sdk::Error error(std::string_view what) const
    {
        if (failure)
            return *failure;
        const auto* why = archive_error_string(reader.get());
        return sdk::make_error(sdk::Code::corrupt,
                               std::string(what) + (why == nullptr ? std::string{} : ": " + std::string(why)));
    }

    struct Free {
        void operator()(archive* open) const { (void)archive_read_free(open); }
    };
    int fd;
    std::vector<char> buffer;
    std::optional<sdk::Error> failure;
    std::unique_ptr<archive, Free> reader{archive_read_new()};
    bool ended = false;
    bool is_sparse = false;              // the current entry: what is stored of it is only known once it was pulled
    std::optional<std::uint64_t> stored; // bytes of its content in the archive
    std::uint64_t content_end = 0;
};

TarReader::TarReader(std::unique_ptr<Source> source) : source_(std::move(source)) {}
TarReader::TarReader(TarReader&&) noexcept = default;
TarReader::~TarReader() = default;

sdk::Result<TarReader> TarReader::open(int fd)
{
    auto source = std::make_unique<Source>(fd);
    auto* reader = source->reader.get();
    if (reader == nullptr)
        return sdk::make_error(sdk::Code::internal, "cannot read an archive: no memory");
    // A filter that would run a program is no success but ARCHIVE_WARN; none of these should.
    using Support = int (*)(archive*);
    for (const Support support :
         {&archive_read_support_filter_gzip, &archive_read_support_filter_bzip2, &archive_read_support_filter_xz,
          &archive_read_support_filter_lzma, &archive_read_support_filter_zstd, &archive_read_support_filter_lz4,
          &archive_read_support_format_tar})
        if (support(reader) != ARCHIVE_OK)
            return source->error("libarchive on this host cannot read compressed tar archives");
    // A layered stream is one archive behind another; nothing but padding follows the end of any other.
    if (archive_read_set_format_option(reader, "tar", "read_concatenated_archives", "1") != ARCHIVE_OK)
        return source->error("libarchive on this host cannot read several archives in one stream");
    (void)::fcntl(fd, F_SETPIPE_SZ, pipe_bytes);  // fewer switches between reader and writer; no pipe, no matter
    if (archive_read_open(reader, source.get(), nullptr, &Source::give, nullptr) != ARCHIVE_OK)
        return source->error("cannot read the archive");
    return TarReader(std::move(source));
}

sdk::Result<std::optional<TarEntry>> TarReader::next()
{
    const PlainLocale locale;
    archive_entry* entry = nullptr;
    int status = ARCHIVE_RETRY;
    while (status == ARCHIVE_RETRY)
        status = archive_read_next_header(source_->reader.get(), &entry);
    source_->note_content_end();
    source_->stored = 0;
    source_->is_sparse = false;
    if (status == ARCHIVE_EOF) {
        source_->ended = true;
        return std::optional<TarEntry>{};
    }
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return source_->error("the archive is damaged or no tar");
    source_->note_stored(entry);
    auto made = entry_of(entry);
    if (!made)
        return std::move(made.error());
    return std::optional(std::move(*made));
}

sdk::Result<std::optional<DataRun>> TarReader::pull()
{
    const void* bytes = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int status = ARCHIVE_RETRY;
    while (status == ARCHIVE_RETRY)
        status = archive_read_data_block(source_->reader.get(), &bytes, &size, &offset);
    if (status == ARCHIVE_EOF)
        return std::optional<DataRun>{};
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
        return source_->error("the archive is damaged");
    if (source_->is_sparse)
        source_->stored = source_->stored.value_or(0) + size;
    return std::optional(DataRun{static_cast<std::uint64_t>(offset), {static_cast<const char*>(bytes), size}});
}

std::uint64_t TarReader::position() const
{
    return static_cast<std::uint64_t>(archive_filter_bytes(source_->reader.get(), 0));
}

std::uint64_t TarReader::content_end() const
{
    return source_->content_end;
}

sdk::Result<void> TarReader::drain()
{
    for (;;) {
        const auto count = read_some(source_->fd, source_->buffer);
        if (count < 0)
            return sdk::os_error("read the archive");
        if (count == 0)
            return {};
    }
}

}  // namespace banger::images
