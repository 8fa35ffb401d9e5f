// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "overlay.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <map>
#include <memory>

#include "blobs/archive_file.hpp"

namespace banger::debian {
namespace {

using sdk::Result;

// Where the lists lie until the hook has read them.
#define BANGER_LISTS "/.banger-lists"
constexpr const char* remove_list = BANGER_LISTS "/remove";
constexpr const char* prune_list = BANGER_LISTS "/prune.";

// Lists hold arguments that end with a zero byte; xargs(1) hands them on as they are.
constexpr const char* removal_script =
    "set -e; "
    "[ ! -e " BANGER_LISTS "/remove ] || xargs -0 -a " BANGER_LISTS
    "/remove rm -rf --; "
    "for list in " BANGER_LISTS
    "/prune.*; do [ ! -e \"$list\" ] || xargs -0 -a \"$list\" find; done; "
    "rm -rf " BANGER_LISTS;
#undef BANGER_LISTS

// Options for this build only: the image's own apt and dpkg are to behave as Debian's do.
constexpr const char* forget_options =
    "rm -f \"$1\"/etc/apt/apt.conf.d/99mmdebstrap \"$1\"/etc/dpkg/dpkg.cfg.d/99mmdebstrap";

std::string zero_ended(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += word + '\0';
    return text;
}

std::vector<std::string> find_arguments(const std::string& directory, const std::vector<std::string>& kept)
{
    std::vector<std::string> words{directory, "-xdev", "!", "-type", "d"};
    for (const auto& name : kept)
        words.insert(words.end(), {"!", "-name", name});
    words.emplace_back("-delete");
    return words;
}

std::map<std::string, FileContent> all_files(const Customization& customize)
{
    auto files = customize.files;
    if (!customize.remove.empty())
        files[remove_list] = {zero_ended(customize.remove), 0600};
    int number = 0;
    for (const auto& [directory, kept] : customize.prune)
        files[prune_list + std::to_string(number++)] = {zero_ended(find_arguments(directory, kept)), 0600};
    return files;
}

/// Writes entries that differ only in path and content.
class OverlayWriter {
public:
    OverlayWriter(archive* writer, std::chrono::sys_seconds time) : writer_(writer), time_(time) {}

    Result<void> add(const std::string& path, const FileContent& file)
    {
        auto entry = start(path);
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), file.mode);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.content.size()));
        if (archive_write_header(writer_, entry.get()) != ARCHIVE_OK ||
            archive_write_data(writer_, file.content.data(), file.content.size()) !=
                static_cast<la_ssize_t>(file.content.size()))
            return blobs::archive_error(writer_, "write the overlay");
        return {};
    }

    Result<void> add_link(const std::string& path, const std::string& target)
    {
        auto entry = start(path);
        archive_entry_set_filetype(entry.get(), AE_IFLNK);
        archive_entry_set_perm(entry.get(), 0777);
        archive_entry_set_symlink(entry.get(), target.c_str());
        if (archive_write_header(writer_, entry.get()) != ARCHIVE_OK)
            return blobs::archive_error(writer_, "write the overlay");
        return {};
    }

private:
    [[nodiscard]] blobs::ArchiveEntry start(const std::string& path) const
    {
        blobs::ArchiveEntry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), ("." + path).c_str());
        archive_entry_set_mtime(entry.get(), time_.time_since_epoch().count(), 0);
        return entry;
    }

    archive* writer_;
    std::chrono::sys_seconds time_;
};

}  // namespace

Result<void> write_overlay(const Customization& customize, std::chrono::sys_seconds time, const std::string& path)
{
    const blobs::ArchiveFile writer(archive_write_new());
    archive_write_set_format_pax_restricted(writer.get());
    archive_write_set_options(writer.get(), "hdrcharset=BINARY");
    if (archive_write_open_filename(writer.get(), path.c_str()) != ARCHIVE_OK)
        return blobs::archive_error(writer.get(), "write " + path);
    OverlayWriter overlay(writer.get(), time);
    for (const auto& [name, file] : all_files(customize))
        if (auto added = overlay.add(name, file); !added)
            return added;
    for (const auto& [name, target] : customize.links)
        if (auto added = overlay.add_link(name, target); !added)
            return added;
    if (archive_write_close(writer.get()) != ARCHIVE_OK)
        return blobs::archive_error(writer.get(), "write " + path);
    return {};
}

std::vector<std::string> mmdebstrap_hooks(const Customization& customize, const std::string& name)
{
    std::vector<std::string> arguments{"--customize-hook=tar-in " + name + " /"};
    if (!customize.remove.empty() || !customize.prune.empty())
        arguments.push_back(std::string("--chrooted-customize-hook=") + removal_script);
    arguments.push_back(std::string("--customize-hook=") + forget_options);
    return arguments;
}

}  // namespace banger::debian
