// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "deb_package.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using Files = std::vector<std::pair<std::string, std::string>>;

// An archive in memory; `set_format` and the number `filter` are libarchive's.
std::string archived(int (*set_format)(archive*), int filter, const Files& files)
{
    std::string bytes(1U << 20U, '\0');
    std::size_t used = 0;
    archive* writer = archive_write_new();
    set_format(writer);
    archive_write_add_filter(writer, filter);
    archive_write_set_bytes_in_last_block(writer, 1);
    EXPECT_EQ(archive_write_open_memory(writer, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
    for (const auto& [path, content] : files) {
        archive_entry* entry = archive_entry_new();
        archive_entry_set_pathname(entry, path.c_str());
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0640);
        archive_entry_set_mtime(entry, 1234567890, 0);
        archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
        EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
        EXPECT_EQ(archive_write_data(writer, content.data(), content.size()), static_cast<la_ssize_t>(content.size()));
        archive_entry_free(entry);
    }
    EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
    archive_write_free(writer);
    bytes.resize(used);
    return bytes;
}

class DebPackageTest : public ::testing::Test {
protected:
    // Unpacks what lies below keep/ into the directory out/.
    sdk::Result<void> unpack(const std::string& deb)
    {
        EXPECT_TRUE(os::write_file_atomic(path("x.deb"), deb));
        return unpack_deb(
            path("x.deb"),
            [this](const std::string& file) {
                return file.starts_with("keep/") ? path("out/" + file.substr(5)) : std::string();
            },
            call);
    }
    static std::string deb(const Files& files, int filter = ARCHIVE_FILTER_XZ)
    {
        return archived(
            archive_write_set_format_ar_svr4, ARCHIVE_FILTER_NONE,
            {{"debian-binary", "2.0\n"},
             {"control.tar.xz", archived(archive_write_set_format_ustar, filter, {{"./control", "Package: x\n"}})},
             {"data.tar.xz", archived(archive_write_set_format_ustar, filter, files)}});
    }
    [[nodiscard]] std::string path(const std::string& name) const { return host.directory() + "/" + name; }

    sdk::testing::FakeHost host;
    sdk::testing::FakeCall call;
};

TEST_F(DebPackageTest, UnpacksWhatIsAskedFor)
{
    for (const int filter : {ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_NONE}) {
        const std::string large(200'000, 'x');
        const auto unpacked = unpack(deb({{"./keep/a/b", large}, {"keep/c", ""}, {"./leave/d", "d"}}, filter));
        ASSERT_TRUE(unpacked) << unpacked.error().message;
        EXPECT_EQ(*os::read_file(path("out/a/b")), large);
        EXPECT_EQ(*os::list_directory(path("out")), (std::vector<std::string>{"a", "c"}));
        ASSERT_TRUE(os::remove_tree(path("out")));
    }
}

TEST_F(DebPackageTest, RefusesWhatIsNoPackage)
{
    for (const std::string& text :
         {std::string(), std::string("!<arch>\n"), std::string("plain text"),
          archived(archive_write_set_format_ar_svr4, ARCHIVE_FILTER_NONE, {{"debian-binary", "2.0\n"}}),
          deb({{"keep/a", std::string(100'000, 'a')}}).substr(0, 400)}) {
        const auto unpacked = unpack(text);
        ASSERT_FALSE(unpacked);
        EXPECT_EQ(sdk::to_string(unpacked.error().code), "corrupt") << unpacked.error().message;
    }
}

TEST_F(DebPackageTest, RefusesPathsThatLeadOutside)
{
    for (const char* outside : {"../keep/a", "keep/../../a", "/keep/a", "keep/.."}) {
        const auto unpacked = unpack(deb({{outside, "a"}}));
        ASSERT_FALSE(unpacked) << outside;
        EXPECT_EQ(sdk::to_string(unpacked.error().code), "corrupt") << unpacked.error().message;
    }
    EXPECT_FALSE(os::exists(path("out")));
}

TEST_F(DebPackageTest, StopsWhenCancelled)
{
    call.cancel();
    const auto unpacked = unpack(deb({{"keep/a", "a"}}));
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(sdk::to_string(unpacked.error().code), "cancelled");
}

}  // namespace
}  // namespace banger::debian
