// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "blobs/vmlinuz.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using ::testing::HasSubstr;

std::string number(std::uint32_t value, int bytes)
{
    std::string text;
    for (int i = 0; i < bytes; ++i)
        text += static_cast<char>(value >> (8 * i));
    return text;
}

std::string packed(int filter, const std::string& content)
{
    std::string bytes(content.size() + 4096, '\0');
    std::size_t used = 0;
    archive* writer = archive_write_new();
    archive_write_set_format_raw(writer);
    archive_write_add_filter(writer, filter);
    archive_write_set_bytes_in_last_block(writer, 1);
    EXPECT_EQ(archive_write_open_memory(writer, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
    EXPECT_EQ(archive_write_data(writer, content.data(), content.size()), static_cast<la_ssize_t>(content.size()));
    archive_entry_free(entry);
    EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
    archive_write_free(writer);
    bytes.resize(used);
    return bytes;
}

// The legacy frame of LZ4, which the kernel's build uses and libarchive only reads: its magic number, then blocks, each
// with its packed length before it. This block is one run of literals.
std::string lz4_legacy(const std::string& content)
{
    std::string block(1, '\xf0');
    std::size_t left = content.size() - 15;
    for (; left >= 255; left -= 255)
        block += '\xff';
    block += static_cast<char>(left) + content;
    return number(0x184c2102, 4) + number(static_cast<std::uint32_t>(block.size()), 4) + block;
}

// A bzImage with two setup sectors that holds `payload`.
std::string kernel_with(const std::string& payload)
{
    constexpr std::size_t protected_mode = 3 * 512;
    constexpr std::size_t offset = 100;
    std::string kernel(protected_mode + offset, '\0');
    kernel.replace(0x1f1, 1, number(2, 1));
    kernel.replace(0x202, 4, "HdrS");
    kernel.replace(0x206, 2, number(0x20f, 2));
    kernel.replace(0x248, 4, number(offset, 4));
    kernel.replace(0x24c, 4, number(static_cast<std::uint32_t>(payload.size()), 4));
    return kernel + payload + std::string(77, '\xcc');
}

class VmlinuzTest : public ::testing::Test {
protected:
    sdk::Result<std::string> unpack(const std::string& vmlinuz)
    {
        const std::string path = host.directory() + "/vmlinux";
        auto file = os::open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
        if (auto unpacked = blobs::unpack_vmlinux(vmlinuz, file->get()); !unpacked)
            return std::move(unpacked).error();
        return os::read_file(path);
    }
    void expect_corrupt(const std::string& vmlinuz, const char* words)
    {
        const auto unpacked = unpack(vmlinuz);
        ASSERT_FALSE(unpacked);
        EXPECT_EQ(sdk::to_string(unpacked.error().code), "corrupt");
        EXPECT_THAT(unpacked.error().message, HasSubstr(words));
    }

    sdk::testing::FakeHost host;
    std::string content = std::string("\177ELF") + std::string(50'000, 'k') + "end";
    std::string length = number(static_cast<std::uint32_t>(content.size()), 4);
};

TEST_F(VmlinuzTest, UnpacksEveryFormat)
{
    for (const int filter : {ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_LZMA}) {
        const auto unpacked = unpack(kernel_with(packed(filter, content) + length));
        ASSERT_TRUE(unpacked) << unpacked.error().message << " filter " << filter;
        EXPECT_EQ(*unpacked, content);
    }
    const auto unpacked = unpack(kernel_with(packed(ARCHIVE_FILTER_GZIP, content)));
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(*unpacked, content);
}

TEST_F(VmlinuzTest, UnpacksLz4AsDebianPacksIt)
{
    const auto unpacked = unpack(kernel_with(lz4_legacy(content) + length));
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(*unpacked, content);
}

TEST_F(VmlinuzTest, RefusesWhatIsNoKernel)
{
    const auto good = kernel_with(packed(ARCHIVE_FILTER_XZ, content) + length);
    expect_corrupt("", "no boot header");
    expect_corrupt(std::string(5000, 'x'), "no boot header");
    expect_corrupt(good.substr(0, 1700), "outside of it");
    auto old = good;
    old.replace(0x206, 2, number(0x207, 2));
    expect_corrupt(old, "older");
    auto beyond = good;
    beyond.replace(0x248, 4, number(0xfffffff0, 4));
    expect_corrupt(beyond, "outside of it");
}

TEST_F(VmlinuzTest, RefusesAPayloadOfAnotherLength)
{
    expect_corrupt(kernel_with(packed(ARCHIVE_FILTER_XZ, content) + number(7, 4)), "instead of 7");
    expect_corrupt(kernel_with(packed(ARCHIVE_FILTER_XZ, content) + number(70'000, 4)), "instead of 70000");
    auto damaged = packed(ARCHIVE_FILTER_XZ, content);
    damaged[damaged.size() / 2] ^= 0x55;
    expect_corrupt(kernel_with(damaged + length), "");
}

}  // namespace
}  // namespace banger::debian
