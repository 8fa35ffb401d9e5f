// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bundle_reader.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"
#include "sparse_file.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

constexpr const char* manifest_member = "manifest.json";
constexpr std::size_t read_bytes = 256U << 10;
constexpr std::uint64_t most_manifest_bytes = 1U << 20;
constexpr std::size_t most_members = 10'000;

struct Free {
    void operator()(archive* open) const { (void)archive_read_free(open); }
};

bool is_one_of(const std::vector<std::string>& names, const std::string& name)
{
    return std::find(names.begin(), names.end(), name) != names.end();
}

// A path below the tree's directory that spells out where it leads.
bool is_in_tree(const std::string& name, const std::string& tree)
{
    if (tree.empty() || !name.starts_with(tree) || name.ends_with('/'))
        return false;
    for (const char* odd : {"//", "/./", "/../"})
        if (("/" + name + "/").find(odd) != std::string::npos)
            return false;
    return true;
}

class Unpacking {
public:
    Unpacking(const BundleFile& bundle, const BundleMembers& members, const std::string& directory, sdk::Call& call)
        : bundle_(bundle), members_(members), directory_(directory), call_(call), reader_(archive_read_new()),
          buffer_(read_bytes)
    {
    }

    Result<UnpackedBundle> go()
    {
        auto unpacked = unpack();
        if (!unpacked) {
            remove_unpacked(unpacked_, directory_);
            return std::move(unpacked).error();
        }
        return std::move(unpacked_);
    }

private:
    sdk::Error failed() const
    {
        if (failure_)
            return *failure_;
        const char* why = archive_error_string(reader_.get());
        return wrong_bundle(bundle_, std::string("is damaged: ") + (why == nullptr ? "it ends too early" : why));
    }

    Result<void> unpack()
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
                return taken;
        }
        if (auto checked = check_digest(); !checked)
            return checked;
        if (!unpacked_.members.contains(manifest_member))
            return wrong_bundle(bundle_, "has no manifest.json");
        return {};
    }

    Result<void> take(archive_entry* entry)
    {
        const char* spelled = archive_entry_pathname(entry);
        const std::string name = spelled == nullptr ? "" : spelled;
        const bool is_disk = is_one_of(members_.disks, name);
        if (name != manifest_member && !is_disk && !is_one_of(members_.files, name) && !is_in_tree(name, members_.tree))
            return wrong_bundle(bundle_, "holds '" + name.substr(0, 100) + "', which no bundle has");
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
            !archive_entry_size_is_set(entry))
            return wrong_bundle(bundle_, "holds a " + name + " that is no regular file");
        if (!unpacked_.members.insert(name).second)
            return wrong_bundle(bundle_, "holds " + name + " twice");
        const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
        if (unpacked_.members.size() > most_members || size > bundle_.most_bytes - total_ ||
            (name == manifest_member && size > most_manifest_bytes))
            return sdk::make_error(Code::invalid, "bundle " + bundle_.path + " unpacks to more than is allowed",
                                   "plugin.image-catalog.most_bytes says how much that is");
        total_ += size;
        call_.progress({"unpack " + name, 0, size, "bytes"});
        if (name == manifest_member)
            return take_manifest(size);
        if (is_disk && (size == 0 || size % SparseFile::block != 0))
            return wrong_bundle(bundle_, "holds a " + name + " that is no file system");
        return take_file(name, size);
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
                return wrong_bundle(bundle_, "has content behind the end of a file");
            if (auto kept = put(at, std::string_view(static_cast<const char*>(bytes), length)); !kept)
                return kept;
        }
    }

    Result<void> take_manifest(std::uint64_t size)
    {
        unpacked_.manifest.assign(size, '\0');
        return content(size, [this](std::uint64_t at, std::string_view bytes) {
            unpacked_.manifest.replace(at, bytes.size(), bytes);
            return Result<void>();
        });
    }

    Result<void> take_file(const std::string& name, std::uint64_t size)
    {
        const auto path = directory_ + "/" + name;
        if (auto made = sdk::os::make_directories(path.substr(0, path.rfind('/')), 0700); !made)
            return made;
        auto file = SparseFile::create(path);
        if (!file)
            return std::move(file).error();
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
            return wrong_bundle(bundle_, "is not what its digest says: it has " + found);
        return {};
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
    const BundleMembers& members_;
    const std::string& directory_;
    sdk::Call& call_;
    const std::unique_ptr<archive, Free> reader_;
    sdk::os::UniqueFd file_;
    std::vector<char> buffer_;
    blobs::Sha256 sum_;
    std::uint64_t total_ = 0;
    UnpackedBundle unpacked_;
    std::optional<sdk::Error> failure_;
};

}  // namespace

void remove_unpacked(const UnpackedBundle& unpacked, const std::string& directory)
{
    for (const auto& name : unpacked.members)
        (void)sdk::os::remove_tree(directory + "/" + name.substr(0, name.find('/')));
}

sdk::Error wrong_bundle(const BundleFile& bundle, const std::string& why)
{
    return sdk::make_error(Code::corrupt, "bundle " + bundle.path + " " + why);
}

Result<UnpackedBundle> unpack(const BundleFile& bundle, const BundleMembers& members, const std::string& directory,
                              sdk::Call& call)
{
    return Unpacking(bundle, members, directory, call).go();
}

}  // namespace banger::catalog
