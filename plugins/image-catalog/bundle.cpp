// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bundle.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::size_t read_bytes = 256U << 10;
constexpr std::uint64_t most_manifest_bytes = 1U << 20;
constexpr std::uint64_t manifest_version = 1;
constexpr std::size_t block = 4096;  // of ext4 as core writes it

struct Free {
    void operator()(archive* open) const { (void)archive_read_free(open); }
};

/// Puts runs of bytes at their places in a file, leaving blocks of zeros out.
class SparseFile {
public:
    static Result<SparseFile> create(const std::string& path)
    {
        auto file = sdk::os::open_file(path, O_WRONLY | O_CREAT | O_EXCL);
        if (!file)
            return std::move(file).error();
        return SparseFile(path, std::move(*file));
    }

    Result<void> put(std::uint64_t offset, std::string_view bytes)
    {
        while (!bytes.empty()) {
            const auto length = std::min<std::size_t>(block - offset % block, bytes.size());
            const auto piece = bytes.substr(0, length);
            if (piece.find_first_not_of('\0') != std::string_view::npos)
                if (auto written = write(offset, piece); !written)
                    return written;
            offset += length;
            bytes.remove_prefix(length);
        }
        return {};
    }

    Result<void> finish(std::uint64_t length)
    {
        if (::ftruncate(file_.get(), static_cast<off_t>(length)) != 0 || ::fchmod(file_.get(), 0444) != 0 ||
            ::fsync(file_.get()) != 0)
            return sdk::os_error("write " + path_);
        return {};
    }

private:
    SparseFile(std::string path, sdk::os::UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}

    Result<void> write(std::uint64_t offset, std::string_view bytes)
    {
        while (!bytes.empty()) {
            const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return sdk::os_error("write " + path_);
            offset += static_cast<std::uint64_t>(count);
            bytes.remove_prefix(static_cast<std::size_t>(count));
        }
        return {};
    }

    std::string path_;
    sdk::os::UniqueFd file_;
};

class Unpacking {
public:
    Unpacking(const BundleFile& bundle, const std::string& directory, sdk::Call& call)
        : bundle_(bundle), directory_(directory), call_(call), reader_(archive_read_new()), buffer_(read_bytes)
    {
    }

    Result<sdk::Fields> go()
    {
        auto unpacked = unpack();
        if (!unpacked)
            for (const char* member : {root_member, work_member})
                (void)sdk::os::remove_file(directory_ + "/" + member);
        return unpacked;
    }

private:
    sdk::Error corrupt(const std::string& why) const
    {
        return sdk::make_error(Code::corrupt, "bundle " + bundle_.path + " " + why);
    }
    sdk::Error failed() const
    {
        if (failure_)
            return *failure_;
        const char* why = archive_error_string(reader_.get());
        return corrupt(std::string("is damaged: ") + (why == nullptr ? "it ends too early" : why));
    }

    Result<sdk::Fields> unpack()
    {
        auto file = sdk::os::open_file(bundle_.path, O_RDONLY);
        if (!file)
            return std::move(file).error();
        file_ = std::move(*file);
        archive_read_support_filter_zstd(reader_.get());
        archive_read_support_format_tar(reader_.get());
        archive_read_set_options(reader_.get(), "hdrcharset=BINARY");
        if (archive_read_open(reader_.get(), this, nullptr, &Unpacking::more, nullptr) != ARCHIVE_OK)
            return failed();
        for (;;) {
            archive_entry* entry = nullptr;
            const int status = archive_read_next_header(reader_.get(), &entry);
            if (status == ARCHIVE_EOF)
                break;
            if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
                return failed();
            if (auto taken = take(entry); !taken)
                return std::move(taken).error();
        }
        if (auto checked = check_digest(); !checked)
            return std::move(checked).error();
        for (const char* member : {manifest_member, root_member, work_member})
            if (!seen_.contains(member))
                return corrupt("has no " + std::string(member));
        return facts();
    }

    Result<void> take(archive_entry* entry)
    {
        const char* spelled = archive_entry_pathname(entry);
        const std::string name = spelled == nullptr ? "" : spelled;
        if (name != manifest_member && name != root_member && name != work_member)
            return corrupt("holds '" + name.substr(0, 100) + "', which no bundle has");
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
            !archive_entry_size_is_set(entry))
            return corrupt("holds a " + name + " that is no regular file");
        if (!seen_.insert(name).second)
            return corrupt("holds " + name + " twice");
        const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
        if (size > bundle_.most_bytes - total_ || (name == manifest_member && size > most_manifest_bytes))
            return sdk::make_error(Code::invalid, "bundle " + bundle_.path + " unpacks to more than is allowed",
                                   "plugin.image-catalog.most_bytes says how much that is");
        total_ += size;
        call_.progress({"unpack " + name, 0, size, "bytes"});
        return name == manifest_member ? take_manifest(size) : take_disk(name, size);
    }

    // Each run of content with its place.
    template <typename Put>
    Result<void> content(std::uint64_t size, const Put& put)
    {
        for (;;) {
            const void* bytes = nullptr;
            std::size_t length = 0;
            la_int64_t offset = 0;
            const int status = archive_read_data_block(reader_.get(), &bytes, &length, &offset);
            if (status == ARCHIVE_EOF)
                return {};
            if (status != ARCHIVE_OK)
                return failed();
            const auto at = static_cast<std::uint64_t>(offset);
            if (offset < 0 || at > size || length > size - at)
                return corrupt("has content behind the end of a file");
            if (auto kept = put(at, std::string_view(static_cast<const char*>(bytes), length)); !kept)
                return kept;
        }
    }

    Result<void> take_manifest(std::uint64_t size)
    {
        manifest_.assign(size, '\0');
        return content(size, [this](std::uint64_t at, std::string_view bytes) {
            manifest_.replace(at, bytes.size(), bytes);
            return Result<void>();
        });
    }

    Result<void> take_disk(const std::string& name, std::uint64_t size)
    {
        auto file = SparseFile::create(directory_ + "/" + name);
        if (!file)
            return std::move(file).error();
        if (size == 0 || size % block != 0)
            return corrupt("holds a " + name + " that is no file system");
        auto put = content(size, [&](std::uint64_t at, std::string_view bytes) {
            return call_.cancelled() ? Result<void>(sdk::make_error(Code::cancelled, "cancelled")) : file->put(at, bytes);
        });
        return put ? file->finish(size) : put;
    }

    // What follows the archive counts for the digest too.
    Result<void> check_digest()
    {
        for (;;) {
            const auto rest = next();
            if (rest < 0)
                return failed();
            if (rest == 0)
                break;
        }
        if (const auto found = sum_.digest(); found != bundle_.digest)
            return corrupt("is not what its digest says: it has " + found);
        return {};
    }

    Result<sdk::Fields> facts() const
    {
        rapidjson::Document document;
        document.Parse<rapidjson::kParseIterativeFlag>(manifest_.data(), manifest_.size());
        if (document.HasParseError() || !document.IsObject() || !document.HasMember("version") ||
            !document["version"].IsUint64() || !document.HasMember("facts") || !document["facts"].IsObject())
            return corrupt("has a manifest that is none");
        if (document["version"].GetUint64() != manifest_version)
            return sdk::make_error(Code::unsupported, "bundle " + bundle_.path + " is for another version of banger");
        sdk::Fields facts;
        for (const auto& fact : document["facts"].GetObject())
            if (fact.value.IsString())
                facts[fact.name.GetString()] = fact.value.GetString();
        facts["digest"] = bundle_.digest;
        return facts;
    }

    la_ssize_t next()
    {
        if (call_.cancelled()) {
            failure_ = sdk::make_error(Code::cancelled, "cancelled");
            return -1;
        }
        for (;;) {
            const auto count = ::read(file_.get(), buffer_.data(), buffer_.size());
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                failure_ = sdk::os_error("read " + bundle_.path);
            else
                sum_.add({buffer_.data(), static_cast<std::size_t>(count)});
            return count;
        }
    }
    static la_ssize_t more(archive* /*reader*/, void* self, const void** bytes)
    {
        auto& unpacking = *static_cast<Unpacking*>(self);
        *bytes = unpacking.buffer_.data();
        const auto count = unpacking.next();
        return count < 0 ? ARCHIVE_FATAL : count;
    }

    const BundleFile& bundle_;
    const std::string& directory_;
    sdk::Call& call_;
    const std::unique_ptr<archive, Free> reader_;
    sdk::os::UniqueFd file_;
    std::vector<char> buffer_;
    blobs::Sha256 sum_;
    std::set<std::string> seen_;
    std::uint64_t total_ = 0;
    std::string manifest_;
    std::optional<sdk::Error> failure_;
};

}  // namespace

Result<sdk::Fields> unpack_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call)
{
    return Unpacking(bundle, directory, call).go();
}

}  // namespace banger::catalog
