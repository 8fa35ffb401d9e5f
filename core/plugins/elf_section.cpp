// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/elf_section.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::plugins {
namespace {

using Header = ElfW(Ehdr);
using Section = ElfW(Shdr);

constexpr std::uint64_t longest_section = 64U << 10U;
constexpr std::uint64_t longest_names = 1U << 20U;

class ElfFile {
public:
    static sdk::Result<ElfFile> open(const std::string& path)
    {
        auto fd = sdk::os::open_file(path, O_RDONLY);
        if (!fd)
            return std::move(fd).error();
        struct stat status {};
        if (::fstat(fd->get(), &status) != 0)
            return sdk::os_error("read " + path);
        ElfFile file(path, std::move(*fd), static_cast<std::uint64_t>(status.st_size));
        if (auto read = file.read_tables(); !read)
            return std::move(read).error();
        return file;
    }

    [[nodiscard]] sdk::Result<std::string> contents(const std::string& wanted) const
    {
        for (const auto& section : sections_) {
            if (section.sh_name >= names_.size() || wanted != names_.c_str() + section.sh_name)
                continue;
            if (section.sh_type == SHT_NOBITS || section.sh_size > longest_section)
                return bad("has a section " + wanted + " of a strange size");
            return bytes(section.sh_offset, section.sh_size);
        }
        return sdk::make_error(sdk::Code::not_found, path_ + " has no section " + wanted);
    }

private:
    ElfFile(std::string path, sdk::os::UniqueFd fd, std::uint64_t size)
        : path_(std::move(path)), fd_(std::move(fd)), size_(size)
    {
    }

    [[nodiscard]] sdk::Error bad(const std::string& why) const
    {
        return sdk::make_error(sdk::Code::invalid, path_ + " " + why);
    }

    [[nodiscard]] sdk::Result<std::string> bytes(std::uint64_t offset, std::uint64_t length) const
    {
        if (offset > size_ || length > size_ - offset)
            return bad("is cut short");
        std::string content(length, '\0');
        for (std::size_t have = 0; have < length;) {
            const ssize_t got =
                ::pread(fd_.get(), content.data() + have, length - have, static_cast<off_t>(offset + have));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return sdk::os_error("read " + path_);
            if (got == 0)
                return bad("is cut short");
            have += static_cast<std::size_t>(got);
        }
        return content;
    }

    sdk::Result<void> read_tables()
    {
        auto start = bytes(0, sizeof(Header));
        if (!start || std::memcmp(start->data(), ELFMAG, SELFMAG) != 0)
            return bad("is no ELF library");
        Header header{};
        std::memcpy(&header, start->data(), sizeof header);
        constexpr auto our_class = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
        constexpr auto our_order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
        if (header.e_ident[EI_CLASS] != our_class || header.e_ident[EI_DATA] != our_order || header.e_type != ET_DYN)
            return bad("is no library for this machine");
        if (header.e_shnum == 0)
            return {};
        if (header.e_shentsize != sizeof(Section) || header.e_shstrndx >= header.e_shnum)
            return bad("has a damaged section table");
        auto table = bytes(header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Section));
        if (!table)
            return std::move(table).error();
        sections_.resize(header.e_shnum);
        std::memcpy(sections_.data(), table->data(), table->size());
        const Section& names = sections_[header.e_shstrndx];
        if (names.sh_size > longest_names)
            return bad("has a damaged section table");
        auto text = bytes(names.sh_offset, names.sh_size);
        if (!text)
            return std::move(text).error();
        names_ = std::move(*text);
        return {};
    }

    std::string path_;
    sdk::os::UniqueFd fd_;
    std::uint64_t size_;
    std::vector<Section> sections_;
    std::string names_;
};

}  // namespace

sdk::Result<std::string> read_elf_section(const std::string& path, const std::string& name)
{
    auto file = ElfFile::open(path);
    if (!file)
        return std::move(file).error();
    return file->contents(name);
}

}  // namespace banger::plugins
