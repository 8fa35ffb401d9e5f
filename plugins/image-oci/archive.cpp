// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "blobs/archive_file.hpp"
#include "summed_file.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

class Unpacking {
public:
    Unpacking(const std::string& path, const std::string& directory, const ArchiveLimits& limits, sdk::Call& call)
        : path_(path), directory_(directory), limits_(limits), call_(call), reader_(archive_read_new())
    {
    }

    Result<std::string> go()
    {
        auto file = SummedFile::open(path_);
        if (!file)
            return std::move(file).error();
        file_.emplace(std::move(*file));
        blobs::read_known_filters(reader_.get());
        archive_read_support_format_tar(reader_.get());
        if (archive_read_open(reader_.get(), this, nullptr, &Unpacking::more, nullptr) != ARCHIVE_OK)
            return failed();
        archive_entry* entry = nullptr;
        for (;;) {
            const int status = archive_read_next_header(reader_.get(), &entry);
            if (status == ARCHIVE_EOF)
                return file_->rest(call_);
            if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
                return failed();
            if (auto taken = take(entry); !taken)
                return std::move(taken).error();
        }
    }

private:
    static la_ssize_t more(archive* /*reader*/, void* self, const void** bytes)
    {
        auto& unpacking = *static_cast<Unpacking*>(self);
        auto next = unpacking.file_->next(unpacking.call_);
        if (!next) {
            unpacking.failure_ = std::move(next).error();
            return ARCHIVE_FATAL;
        }
        *bytes = next->data();
        return static_cast<la_ssize_t>(next->size());
    }

    [[nodiscard]] sdk::Error failed() const
    {
        if (failure_)
            return *failure_;
        const auto* why = archive_error_string(reader_.get());
        return sdk::make_error(Code::corrupt,
                               "'" + path_ + "' is no image archive: " + std::string(why == nullptr ? "no reason" : why));
    }

    [[nodiscard]] sdk::Error beyond(std::uint64_t most, const std::string& what) const
    {
        return sdk::make_error(Code::invalid, "'" + path_ + "' holds more than " + std::to_string(most) + " " + what,
                               "an image that is meant to be so large needs a larger images.most_" + what + " in config.toml");
    }

    Result<void> take(archive_entry* entry)
    {
        if (++entries_ > limits_.entries)
            return beyond(limits_.entries, "entries");
        const char* name = archive_entry_pathname(entry);
        if (name == nullptr || !stays_inside(name))
            return sdk::make_error(Code::invalid, "'" + path_ + "' has an entry that leaves it");
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
            return {};
        const auto size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry)));
        if (size > limits_.bytes - bytes_)
            return beyond(limits_.bytes, "bytes");
        bytes_ += size;
        const std::string target = directory_ + "/" + name;
        if (auto made = sdk::os::make_directories(target.substr(0, target.rfind('/')), 0700); !made)
            return made;
        auto file = sdk::os::open_file(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
        if (!file)
            return std::move(file).error();
        return content(file->get(), size);
    }

    // A sparse file comes without its holes.
    Result<void> content(int file, std::uint64_t size)
    {
        const void* bytes = nullptr;
        std::size_t count = 0;
        la_int64_t offset = 0;
        for (;;) {
            const int status = archive_read_data_block(reader_.get(), &bytes, &count, &offset);
            if (status == ARCHIVE_EOF)
                break;
            if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
                return failed();
            if (::lseek(file, offset, SEEK_SET) != offset)
                return sdk::os_error("unpack " + path_);
            if (auto written = sdk::os::write_all(file, {static_cast<const char*>(bytes), count}); !written)
                return written;
        }
        if (::ftruncate(file, static_cast<off_t>(size)) != 0)
            return sdk::os_error("unpack " + path_);
        return {};
    }

    const std::string& path_;
    const std::string& directory_;
    const ArchiveLimits& limits_;
    sdk::Call& call_;
    blobs::ArchiveFile reader_;
    std::optional<SummedFile> file_;
    std::optional<sdk::Error> failure_;
    std::uint64_t entries_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace

bool stays_inside(std::string_view name)
{
    return !name.empty() && name.front() != '/' && ("/" + std::string(name) + "/").find("/../") == std::string::npos;
}

Result<std::string> unpack(const std::string& path, const std::string& directory, const ArchiveLimits& limits, sdk::Call& call)
{
    return Unpacking(path, directory, limits, call).go();
}

}  // namespace banger::oci
