// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "banger/sdk/os/process.hpp"

namespace banger::images::testing {
namespace {

constexpr std::size_t record_bytes = 512;

// Octal, filling its field but for the zero byte at the end.
void octal(std::string& header, std::size_t at, std::size_t width, std::uint64_t value)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%0*llo", static_cast<int>(width - 1),
                  static_cast<unsigned long long>(value));
    header.replace(at, width - 1, text.data(), width - 1);
}

std::string pax_record(const std::string& key, const std::string& value)
{
    const auto body = " " + key + "=" + value + "\n";
    auto length = body.size() + 1;
    while (std::to_string(length).size() + body.size() != length)
        ++length;
    return std::to_string(length) + body;
}

}  // namespace

TempDir::TempDir()
{
    auto pattern = (std::filesystem::temp_directory_path() / "banger-images-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("cannot make a directory for the test");
    path_ = pattern;
}

TempDir::~TempDir()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

Ext4Options options()
{
    Ext4Options result;
    result.label = "test";
    result.uuid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    result.hash_seed = {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    result.time = 1'700'000'000;
    result.journal_bytes = 4U << 20;
    result.sync = false;
    return result;
}

Ext4Writer make_writer(const std::string& path, const Ext4Options& given)
{
    auto writer = Ext4Writer::create(path, given);
    if (!writer)
        throw std::runtime_error(writer.error().message);
    return std::move(*writer);
}

Metadata with_mode(std::uint32_t mode)
{
    Metadata metadata;
    metadata.mode = mode;
    return metadata;
}

sdk::Result<void> put(Ext4Writer& writer, std::string_view path, std::string_view content, const Metadata& metadata)
{
    bool given = content.empty();
    return writer.file(path, metadata, content.size(), [&]() -> sdk::Result<std::optional<DataRun>> {
        if (std::exchange(given, true))
            return std::optional<DataRun>{};
        return std::optional(DataRun{0, content});
    });
}

std::string content_of(Ext4Writer& writer, std::string_view path)
{
    auto content = writer.read_file(path, 1U << 20);
    return content && *content ? **content : "(no such file)";
}

Ran run(const std::vector<std::string>& argv)
{
    auto program = sdk::os::find_program(argv.front());
    if (!program)
        return {127, program.error().message};
    sdk::os::Command command;
    command.argv = argv;
    command.argv.front() = *program;
    auto output = sdk::os::run(command);
    if (!output)
        return {126, output.error().message};
    return {output->status, output->out + output->err};
}

std::string complaints(const std::string& path)
{
    const auto ran = run({"e2fsck", "-fn", path});
    return ran.status == 0 ? std::string{} : ran.output;
}

std::string debugfs(const std::string& path, const std::string& command)
{
    return run({"debugfs", "-R", command, path}).output;
}

std::string read_whole(const std::string& path)
{
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in)
        return {};
    std::string bytes(static_cast<std::size_t>(in.tellg()), '\0');
    in.seekg(0);
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

std::string block_of(const std::string& disk, const std::string& file, std::uint64_t block)
{
    constexpr std::size_t bytes = 4096;
    const auto physical = std::stoull("0" + debugfs(disk, "bmap " + file + " " + std::to_string(block)));
    std::string content(bytes, '\0');
    std::ifstream in(disk, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(physical * bytes));
    in.read(content.data(), bytes);
    return content;
}

void TarBuilder::pad()
{
    bytes_.resize((bytes_.size() + record_bytes - 1) / record_bytes * record_bytes, '\0');
}

void TarBuilder::header(const Item& item, std::size_t size)
{
    std::string header(record_bytes, '\0');
    header.replace(0, std::min<std::size_t>(item.name.size(), 100), item.name, 0, 100);
    octal(header, 100, 8, item.mode);
    octal(header, 108, 8, item.uid);
    octal(header, 116, 8, item.gid);
    octal(header, 124, 12, size);
    octal(header, 136, 12, static_cast<std::uint64_t>(item.mtime));
    header.replace(148, 8, "        ");
    header[156] = item.type;
    header.replace(157, std::min<std::size_t>(item.link.size(), 100), item.link, 0, 100);
    header.replace(257, 8, std::string_view("ustar\00000", 8));
    octal(header, 329, 8, item.major);
    octal(header, 337, 8, item.minor);
    unsigned sum = 0;
    for (const char c : header)
        sum += static_cast<unsigned char>(c);
    octal(header, 148, 8, sum);
    bytes_ += header;
}

TarBuilder& TarBuilder::add(const Item& item)
{
    if (!item.pax.empty()) {
        std::string records;
        for (const auto& [key, value] : item.pax)
            records += pax_record(key, value);
        Item extended{"PaxHeader", 'x'};
        header(extended, records.size());
        bytes_ += records;
        pad();
    }
    header(item, item.content.size());
    bytes_ += item.content;
    pad();
    return *this;
}

TarBuilder& TarBuilder::directory(const std::string& name, std::uint32_t mode)
{
    return add({.name = name, .type = '5', .mode = mode});
}

TarBuilder& TarBuilder::file(const std::string& name, const std::string& content, std::uint32_t mode)
{
    return add({.name = name, .content = content, .mode = mode});
}

TarBuilder& TarBuilder::symlink(const std::string& name, const std::string& target)
{
    return add({.name = name, .type = '2', .link = target, .mode = 0777});
}

TarBuilder& TarBuilder::hard_link(const std::string& name, const std::string& existing)
{
    return add({.name = name, .type = '1', .link = existing});
}

std::string TarBuilder::bytes() const
{
    return bytes_ + std::string(2 * record_bytes, '\0');
}

sdk::os::UniqueFd file_with(std::string_view bytes)
{
    sdk::os::UniqueFd fd(::memfd_create("archive", MFD_CLOEXEC));
    while (!bytes.empty()) {
        const auto done = ::write(fd.get(), bytes.data(), bytes.size());
        if (done <= 0)
            throw std::runtime_error("cannot write an archive for the test");
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    (void)::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

}  // namespace banger::images::testing
