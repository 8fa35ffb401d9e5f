// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "banger/sdk/testing/fake_host.hpp"

namespace banger::file_sync {

/// A home with files in it, for one test.
class HostFiles : public ::testing::Test {
protected:
    // By its real path: TMPDIR may be a link.
    [[nodiscard]] std::string home() const { return std::filesystem::canonical(directory_.path()).string(); }
    [[nodiscard]] std::string path(const std::string& name) const { return home() + "/" + name; }

    void file(const std::string& name, const std::string& content = "x", mode_t mode = 0644) const
    {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << content;
        ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
    }
    void directory(const std::string& name, mode_t mode) const
    {
        std::filesystem::create_directories(path(name));
        ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
    }
    void link(const std::string& name, const std::string& target) const
    {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        ASSERT_EQ(::symlink(target.c_str(), path(name).c_str()), 0);
    }

    sdk::testing::TemporaryDirectory directory_;
    sdk::testing::FakeCall call_;
};

}  // namespace banger::file_sync
