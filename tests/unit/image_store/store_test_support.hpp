// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "core/images/catalogue.hpp"

namespace banger::images::testing {

/// A tar archive in memory.
class Tar {
public:
    Tar& directory(const std::string& path, mode_t mode = 0755) { return add(path, AE_IFDIR, mode, {}); }
    Tar& file(const std::string& path, const std::string& content, mode_t mode = 0644)
    {
        return add(path, AE_IFREG, mode, content);
    }
    Tar& link(const std::string& path, const std::string& target) { return add(path, AE_IFLNK, 0777, target); }

    Tar& hard_link(const std::string& path, const std::string& existing)
    {
        add(path, AE_IFREG, 0644, {});
        items_.back().hard_link = existing;
        return *this;
    }

    [[nodiscard]] std::string text() const
    {
        std::string out;
        archive* writer = archive_write_new();
        archive_write_set_format_pax_restricted(writer);
        archive_write_set_bytes_per_block(writer, 0);
        archive_write_open(writer, &out, nullptr, append, nullptr);
        for (const auto& item : items_) {
            archive_entry* entry = archive_entry_new();
            archive_entry_set_pathname(entry, item.path.c_str());
            archive_entry_set_filetype(entry, item.type);
            archive_entry_set_perm(entry, item.mode);
            const std::string content = item.type == AE_IFLNK ? std::string() : item.content;
            if (item.type == AE_IFLNK)
                archive_entry_set_symlink(entry, item.content.c_str());
            if (!item.hard_link.empty())
                archive_entry_set_hardlink(entry, item.hard_link.c_str());
            archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
            archive_write_header(writer, entry);
            archive_write_data(writer, content.data(), content.size());
            archive_entry_free(entry);
        }
        archive_write_close(writer);
        archive_write_free(writer);
        return out;
    }

private:
    struct Item {
        std::string path;
        unsigned type;
        mode_t mode;
        std::string content;
        std::string hard_link = {};
    };

    Tar& add(const std::string& path, unsigned type, mode_t mode, const std::string& content)
    {
        items_.push_back({path, type, mode, content});
        return *this;
    }

    static la_ssize_t append(archive* /*writer*/, void* out, const void* bytes, size_t length)
    {
        static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), length);
        return static_cast<la_ssize_t>(length);
    }

    std::vector<Item> items_;
};

/// A small root file system with a systemd and a dotfile.
inline Tar small_image()
{
    return Tar()
        .directory("./")
        .directory("./etc/")
        .directory("./root/", 0700)
        .directory("./usr/")
        .directory("./usr/lib/")
        .directory("./usr/lib/systemd/")
        .file("./etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n")
        .file("./etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        .file("./root/.profile", "umask 022\n")
        .file("./usr/lib/systemd/systemd", "not really", 0755);
}

inline sdk::Error sdk_cancelled()
{
    return sdk::make_error(sdk::Code::cancelled, "the source was stopped");
}

/// A source whose one fetch is a function; it counts them.
class FunctionSource final : public sdk::ImageSource {
public:
    using Fetch = std::function<sdk::Result<sdk::ImageStream>(const sdk::ImageRequest&, sdk::Call&)>;

    explicit FunctionSource(Fetch fetch) : fetch_(std::move(fetch)) {}

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override { return answer; }
    sdk::Result<sdk::ImageStream> fetch(const sdk::ImageRequest& request, sdk::Call& call) override
    {
        ++fetches_;
        return fetch_(request, call);
    }

    [[nodiscard]] int fetches() const { return fetches_; }

    sdk::Probe answer{true, "a fake", {}, {}, {}, {}};

private:
    Fetch fetch_;
    std::atomic<int> fetches_ = 0;
};

/// Blocks until the call is cancelled, as a mirror that never answers would.
inline void wait_until_cancelled(sdk::Call& call)
{
    pollfd waited{call.cancel_descriptor(), POLLIN, 0};
    while (!call.cancelled())
        ::poll(&waited, 1, -1);
}

/// Writes the bytes as a source in this process does, until the reader leaves.
inline sdk::Result<void> write_stream(int fd, const std::string& bytes)
{
    return sdk::os::write_all(fd, bytes);
}

/// Writes for ever what the import does not want, and then says something misleading.
inline sdk::Result<sdk::ImageStream> write_for_ever(const std::string& start, const sdk::ImageRequest& request)
{
    auto wrote = write_stream(request.output, start);
    while (wrote)
        wrote = write_stream(request.output, std::string(1U << 20U, '\0'));
    return sdk::make_error(sdk::Code::plugin, "nobody listens: " + wrote.error().message);
}

inline FunctionSource::Fetch gives(const std::string& tar)
{
    return [tar](const sdk::ImageRequest& request, sdk::Call& call) -> sdk::Result<sdk::ImageStream> {
        call.progress({"download packages", 1, 2, "packages"});
        if (auto wrote = write_stream(request.output, tar); !wrote)
            return std::move(wrote).error();
        return sdk::ImageStream{"tar", {{"packages", "183"}, {"os_id", "a source does not decide this"}}};
    };
}

/// One image and one kernel, both from "fake"; `revision` changes the recipes.
inline std::string catalogue_text(int revision = 1)
{
    const std::string recipe = R"({"revision":)" + std::to_string(revision) + "}";
    return R"({"version":1,"images":[{"name":"small","description":"An image","source":"fake","kernel":"plain",)"
           R"("default":true,"recipe":)" +
           recipe +
           R"(}],"kernels":[{"name":"plain","description":"A kernel","source":"fake","default":true,"recipe":)" +
           recipe + "}]}";
}

inline Catalogue catalogue(int revision = 1)
{
    auto parsed = Catalogue::parse(catalogue_text(revision));
    return parsed ? *parsed : Catalogue();
}

/// Names in a directory; none if it does not exist.
inline std::vector<std::string> names_in(const std::string& directory)
{
    return sdk::os::list_directory(directory).value_or({});
}

/// What a file system in a file holds, read by e2fsprogs.
inline std::string file_in(const std::string& layer, const std::string& path)
{
    sdk::os::Command command;
    command.argv = {"debugfs", "-R", "cat " + path, layer};
    const auto output = sdk::os::run(std::move(command));
    return output ? output->out : output.error().message;
}

/// e2fsck finds nothing wrong with it.
inline bool is_clean(const std::string& layer)
{
    sdk::os::Command command;
    command.argv = {"e2fsck", "-fn", layer};
    const auto output = sdk::os::run(std::move(command));
    return output && output->status == 0;
}

}  // namespace banger::images::testing
