// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "plain_root.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "blobs/archive_file.hpp"
#include "hard_links.hpp"
#include "summed_file.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::size_t read_bytes = 256U << 10;
constexpr std::size_t hex_digits = 64;

// Names at the top of a layout (image-layout.md) or of a saved image: directories and files named by digests beside them.
bool is_of_image(std::string_view name)
{
    const auto top = name.substr(0, name.find('/'));
    for (const std::string_view known : {"manifest.json", "index.json", "oci-layout", "blobs", "repositories"})
        if (top == known)
            return true;
    return top.size() >= hex_digits &&
           top.substr(0, hex_digits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

class TreeWriter {
public:
    TreeWriter(const std::string& directory, int output, sdk::Call& call)
        : directory_(directory), output_(output), call_(call), reader_(archive_read_disk_new()),
          writer_(archive_write_new()), entry_(archive_entry_new())
    {
    }

    Result<void> go()
    {
        archive_read_disk_set_symlink_physical(reader_.get());
        archive_write_set_format_pax(writer_.get());  // with parts of seconds
        archive_write_set_options(writer_.get(), "hdrcharset=BINARY");
        archive_write_set_bytes_per_block(writer_.get(), 0);
        if (archive_read_disk_open(reader_.get(), directory_.c_str()) != ARCHIVE_OK ||
            archive_write_open_fd(writer_.get(), output_) != ARCHIVE_OK)
            return blobs::archive_error(reader_.get(), "read " + directory_);
        for (;;) {
            if (call_.cancelled())
                return sdk::make_error(Code::cancelled, "cancelled");
            const int status = archive_read_next_header2(reader_.get(), entry_.get());
            if (status == ARCHIVE_EOF)
                break;
            if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
                return blobs::archive_error(reader_.get(), "read " + directory_);
            archive_read_disk_descend(reader_.get());
            if (auto written = take(); !written)
                return written;
        }
        if (archive_write_close(writer_.get()) != ARCHIVE_OK)
            return blobs::archive_error(writer_.get(), "write the archive of " + directory_);
        return {};
    }

private:
    Result<void> take()
    {
        auto* entry = entry_.get();
        const std::string name = archive_entry_pathname(entry);
        const std::string archived = "." + name.substr(directory_.size());
        archive_entry_set_pathname(entry, archived.c_str());
        if (::geteuid() != 0 && archive_entry_uid(entry) == ::geteuid()) {
            archive_entry_set_uid(entry, 0);
            archive_entry_set_gid(entry, 0);
        }
        archive_entry_set_uname(entry, nullptr);
        archive_entry_set_gname(entry, nullptr);
        if (archive_entry_filetype(entry) != AE_IFDIR && archive_entry_nlink(entry) > 1) {
            const auto earlier = links_.earlier(static_cast<std::uint64_t>(archive_entry_dev(entry)),
                                                static_cast<std::uint64_t>(archive_entry_ino64(entry)),
                                                archive_entry_nlink(entry), archived);
            if (!earlier.empty()) {
                archive_entry_set_hardlink(entry, earlier.c_str());
                archive_entry_unset_size(entry);
            }
        }
        if (const int status = archive_write_header(writer_.get(), entry); status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return blobs::archive_error(writer_.get(), "write '" + name + "'");
        return archive_entry_size(entry) > 0 ? content(name) : Result<void>{};
    }

    Result<void> content(const std::string& name)
    {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        la_int64_t written = 0;
        static constexpr char zeros[4096] = {};
        for (;;) {
            if (call_.cancelled())
                return sdk::make_error(Code::cancelled, "cancelled");
            const int status = archive_read_data_block(reader_.get(), &bytes, &size, &offset);
            if (status != ARCHIVE_OK && status != ARCHIVE_EOF)
                return blobs::archive_error(reader_.get(), "read " + name);
            if (status == ARCHIVE_EOF)
                return {};
            for (; written < offset; written += std::min<la_int64_t>(offset - written, sizeof zeros))
                if (archive_write_data(writer_.get(), zeros, std::min<std::size_t>(offset - written, sizeof zeros)) < 0)
                    return blobs::archive_error(writer_.get(), "write '" + name + "'");
            if (archive_write_data(writer_.get(), bytes, size) < 0)
                return blobs::archive_error(writer_.get(), "write '" + name + "'");
            written += static_cast<la_int64_t>(size);
        }
    }

    const std::string& directory_;
    int output_;
    sdk::Call& call_;
    blobs::ArchiveFile reader_;
    blobs::ArchiveFile writer_;
    HardLinks links_;
    blobs::ArchiveEntry entry_;
};

}  // namespace

Result<bool> holds_image(const std::string& path)
{
    const blobs::ArchiveFile reader(archive_read_new());
    blobs::read_known_filters(reader.get());
    archive_read_support_format_tar(reader.get());
    if (archive_read_open_filename(reader.get(), path.c_str(), read_bytes) != ARCHIVE_OK)
        return blobs::archive_error(reader.get(), "read the archive '" + path + "'");
    archive_entry* entry = nullptr;
    for (;;) {
        const int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF)
            return false;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return blobs::archive_error(reader.get(), "read the archive '" + path + "'");
        std::string_view name = archive_entry_pathname(entry) == nullptr ? "" : archive_entry_pathname(entry);
        while (name.starts_with("./"))
            name.remove_prefix(2);
        if (!name.empty() && name != ".")
            return is_of_image(name);
    }
}

bool is_root(const std::string& directory)
{
    for (const char* name : {"/bin", "/sbin", "/usr/bin", "/etc/passwd", "/etc/os-release", "/init"})
        if (sdk::os::exists(directory + name))
            return true;
    return false;
}

Result<void> stream_tree(const std::string& directory, int output, sdk::Call& call)
{
    return TreeWriter(directory, output, call).go();
}

Result<std::string> stream_archive(const std::string& path, int output, sdk::Call& call)
{
    auto file = SummedFile::open(path);
    if (!file)
        return std::move(file).error();
    for (;;) {
        const auto bytes = file->next(call);
        if (!bytes)
            return bytes.error();
        if (bytes->empty())
            return file->rest(call);
        if (auto written = sdk::os::write_all(output, *bytes); !written)
            return std::move(written).error();
    }
}

}  // namespace banger::oci
