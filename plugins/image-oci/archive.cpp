// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include <memory>
#include <string_view>

#include "banger/sdk/os/file.hpp"
#include "blobs/archive_file.hpp"

namespace banger::oci {
namespace {

constexpr std::size_t read_bytes = 256U << 10;

bool stays_inside(std::string_view name)
{
    return !name.empty() && name.front() != '/' && ("/" + std::string(name) + "/").find("/../") == std::string::npos;
}

}  // namespace

sdk::Result<void> unpack(const std::string& path, const std::string& directory, sdk::Call& call)
{
    struct Free {
        void operator()(archive* open) const { (void)archive_read_free(open); }
    };
    const std::unique_ptr<archive, Free> reader(archive_read_new());
    blobs::read_known_filters(reader.get());
    archive_read_support_format_tar(reader.get());
    const auto failed = [&] {
        const auto* why = archive_error_string(reader.get());
        return sdk::make_error(sdk::Code::corrupt,
                               "'" + path + "' is no image archive: " + std::string(why == nullptr ? "no reason" : why));
    };
    if (archive_read_open_filename(reader.get(), path.c_str(), read_bytes) != ARCHIVE_OK)
        return failed();
    archive_entry* entry = nullptr;
    for (;;) {
        const int status = archive_read_next_header(reader.get(), &entry);
        if (status == ARCHIVE_EOF)
            return {};
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return failed();
        const char* name = archive_entry_pathname(entry);
        if (name == nullptr || !stays_inside(name))
            return sdk::make_error(sdk::Code::invalid, "'" + path + "' has an entry that leaves it");
        if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr)
            continue;
        const std::string target = directory + "/" + name;
        if (auto made = sdk::os::make_directories(target.substr(0, target.rfind('/')), 0700); !made)
            return made;
        auto file = sdk::os::open_file(target, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
        if (!file)
            return std::move(file).error();
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        for (int more = ARCHIVE_OK; more != ARCHIVE_EOF;) {
            if (call.cancelled())
                return sdk::make_error(sdk::Code::cancelled, "cancelled");
            more = archive_read_data_block(reader.get(), &bytes, &size, &offset);
            if (more != ARCHIVE_OK && more != ARCHIVE_EOF)
                return failed();
            if (more == ARCHIVE_OK)
                if (auto written = sdk::os::write_all(file->get(), {static_cast<const char*>(bytes), size}); !written)
                    return written;
        }
    }
}

}  // namespace banger::oci
