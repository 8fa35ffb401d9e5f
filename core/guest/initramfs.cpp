// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/initramfs.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <sstream>

namespace banger::guest {
namespace {

namespace fs = std::filesystem;

sdk::Result<std::string> read_whole(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    if (file)
        content << file.rdbuf();
    if (!file)
        return sdk::make_error(sdk::Code::not_found, "cannot read " + path.string());
    return std::move(content).str();
}

/// A file's bytes, decompressed where they are compressed.
sdk::Result<std::string> read_plain(const fs::path& path)
{
    const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), &archive_read_free);
    // As kernels compress their modules (CONFIG_MODULE_COMPRESS_*); others of libarchive's filters start programs.
    archive_read_support_filter_gzip(reader.get());
    archive_read_support_filter_xz(reader.get());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_format_raw(reader.get());
    archive_entry* entry = nullptr;
    if (archive_read_open_filename(reader.get(), path.c_str(), 128UL * 1024) != ARCHIVE_OK ||
        archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
        return sdk::make_error(sdk::Code::not_found,
                               "cannot read " + path.string() + ": " + archive_error_string(reader.get()));
    std::string content;
    std::array<char, 64UL * 1024> piece;
    for (;;) {
        const auto count = archive_read_data(reader.get(), piece.data(), piece.size());
        if (count < 0)
            return sdk::make_error(sdk::Code::corrupt,
                                   "cannot decompress " + path.string() + ": " + archive_error_string(reader.get()));
        if (count == 0)
            return content;
        content.append(piece.data(), static_cast<std::size_t>(count));
    }
}

/// Writes entries owned by root, without times or anything else of the host.
class CpioWriter {
public:
    explicit CpioWriter(const fs::path& path) : archive_(archive_write_new(), &archive_write_free)
    {
        archive_write_set_format_cpio_newc(archive_.get());
        archive_write_add_filter_none(archive_.get());
        archive_write_set_bytes_in_last_block(archive_.get(), 1);
        good_ = archive_write_open_filename(archive_.get(), path.c_str()) == ARCHIVE_OK;
    }

    void directory(const std::string& path) { entry(path, AE_IFDIR, 0755, {}); }
    void file(const std::string& path, unsigned mode, const std::string& content)
    {
        entry(path, AE_IFREG, mode, content);
    }

    sdk::Result<void> close(const fs::path& path)
    {
        good_ = good_ && archive_write_close(archive_.get()) == ARCHIVE_OK;
        if (good_)
            return {};
        const int why = archive_errno(archive_.get());
        return sdk::os_error("write " + path.string(), why > 0 ? why : EIO);
    }

private:
    void entry(const std::string& path, unsigned type, unsigned mode, const std::string& content)
    {
        const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
        archive_entry_set_pathname(entry.get(), path.c_str());
        archive_entry_set_filetype(entry.get(), type);
        archive_entry_set_perm(entry.get(), static_cast<__LA_MODE_T>(mode));
        archive_entry_set_nlink(entry.get(), type == AE_IFDIR ? 2 : 1);
        archive_entry_set_ino(entry.get(), ++inode_);
        archive_entry_set_mtime(entry.get(), 0, 0);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
        good_ = good_ && archive_write_header(archive_.get(), entry.get()) == ARCHIVE_OK &&
                archive_write_data(archive_.get(), content.data(), content.size()) ==
                    static_cast<la_ssize_t>(content.size());
    }

    std::unique_ptr<archive, int (*)(archive*)> archive_;
    int inode_ = 0;
    bool good_ = false;
};

/// Modules lie flat: their names are unique in a kernel. A compressed one is stored plain.
std::string archive_name(const std::string& path)
{
    return fs::path(path).filename().string();
}

std::string plain_name(std::string name)
{
    const auto suffix = name.find(".ko");
    name.resize(suffix == std::string::npos ? name.size() : suffix + 3);
    return name;
}

}  // namespace

sdk::Result<void> build_initramfs(const fs::path& modules_dir, const std::string& version, const fs::path& agent,
                                  const fs::path& out)
{
    auto dep = read_whole(modules_dir / version / "modules.dep");
    if (!dep)
        return std::move(dep.error()).with_hint("the kernel's modules need a modules.dep, as depmod makes it");
    auto program = read_whole(agent);
    if (!program)
        return std::move(program.error());

    // Everything is read before anything is written.
    std::vector<std::pair<std::string, std::string>> modules;
    std::string order;
    for (const auto& module : modules_to_boot(*dep)) {
        auto content = read_plain(modules_dir / version / module.path);
        if (!content)
            return std::move(content.error());
        const auto name = "modules/" + plain_name(archive_name(module.path));
        modules.emplace_back(name, std::move(*content));
        order += "/" + name;
        if (module.virtio_device != 0)
            order += " virtio:" + std::to_string(module.virtio_device);
        order += "\n";
    }

    fs::path temporary = out;
    temporary += ".new";
    CpioWriter cpio(temporary);
    for (const char* directory : {"dev", "modules", "newroot", "proc", "sys"})
        cpio.directory(directory);
    cpio.file("init", 0755, *program);
    for (const auto& [name, content] : modules)
        cpio.file(name, 0644, content);
    cpio.file("modules/order", 0644, order);
    std::error_code error;
    if (auto closed = cpio.close(temporary); !closed) {
        fs::remove(temporary, error);
        return closed;
    }
    fs::rename(temporary, out, error);
    if (error)
        return sdk::os_error("write " + out.string(), error.value());
    return {};
}

}  // namespace banger::guest
