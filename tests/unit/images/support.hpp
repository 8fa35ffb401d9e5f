// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/tar_import.hpp"

namespace banger::images::testing {

/// A directory of the test's own, gone with it.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
    std::string path_;
};

/// Small and quick: fixed identity, a 4 MiB journal, no sync.
Ext4Options options();
/// A writer for a new file; the test fails if it cannot be made.
Ext4Writer make_writer(const std::string& path, const Ext4Options& given = options());

Metadata with_mode(std::uint32_t mode);
/// Puts a file with this content.
sdk::Result<void> put(Ext4Writer& writer, std::string_view path, std::string_view content,
                      const Metadata& metadata = {});
std::string content_of(Ext4Writer& writer, std::string_view path);
/// The message of a failure, or "" of a success: `EXPECT_EQ(why(result), "")` shows what went wrong.
template <typename T>
std::string why(const sdk::Result<T>& result)
{
    return result ? std::string{} : std::string(to_string(result.error().code)) + ": " + result.error().message;
}

struct Ran {
    int status = 0;
    std::string output;  ///< standard output, then standard error
};
Ran run(const std::vector<std::string>& argv);
/// What `e2fsck -fn` has to say against a file system; "" if it is clean.
std::string complaints(const std::string& path);
/// What debugfs prints for one command.
std::string debugfs(const std::string& path, const std::string& command);

std::string read_whole(const std::string& path);
/// Of a file in a file system: its block at that place, of 4096 bytes.
std::string block_of(const std::string& disk, const std::string& file, std::uint64_t block);

/// Writes tar archives by hand, also such as no tar program would write.
class TarBuilder {
public:
    struct Item {
        std::string name;
        char type = '0';
        std::string content = {};
        std::string link = {};
        std::uint32_t mode = 0644;
        std::uint64_t uid = 0;
        std::uint64_t gid = 0;
        std::int64_t mtime = 1'600'000'000;
        std::uint32_t major = 0;
        std::uint32_t minor = 0;
        std::vector<std::pair<std::string, std::string>> pax = {};  ///< records of an extended header
    };
    TarBuilder& add(const Item& item);
    TarBuilder& directory(const std::string& name, std::uint32_t mode = 0755);
    TarBuilder& file(const std::string& name, const std::string& content, std::uint32_t mode = 0644);
    TarBuilder& symlink(const std::string& name, const std::string& target);
    TarBuilder& hard_link(const std::string& name, const std::string& existing);
    [[nodiscard]] std::string bytes() const;

private:
    void header(const Item& item, std::size_t size);
    void pad();
    std::string bytes_;
};

/// A descriptor at the start of these bytes.
sdk::os::UniqueFd file_with(std::string_view bytes);

}  // namespace banger::images::testing
