// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/guest_init.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace banger::agent {
namespace {

namespace fs = std::filesystem;

class ChooseInit : public testing::Test {
protected:
    ChooseInit()
    {
        std::string name = (fs::temp_directory_path() / "banger-init-XXXXXX").string();
        root_ = mkdtemp(name.data());
    }
    ~ChooseInit() override { fs::remove_all(root_); }

    void program(const std::string& path, const std::string& content =
                                              "\x7f"
                                              "ELF")
    {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << content;
        fs::permissions(root_ / path, fs::perms::owner_all);
    }
    void link(const std::string& path, const std::string& target)
    {
        fs::create_directories((root_ / path).parent_path());
        fs::create_symlink(target, root_ / path);
    }
    std::string kind(const std::string& wish)
    {
        const auto init = choose_init(wish, root_);
        return init ? init->kind : "error";
    }

    fs::path root_;
};

TEST_F(ChooseInit, AnEmptyImageGetsOurs)
{
    EXPECT_EQ(kind("auto"), "banger");
    EXPECT_EQ(kind("banger"), "banger");
    EXPECT_EQ(kind("image"), "error");
}

TEST_F(ChooseInit, FindsSystemdBehindTheUsualLink)
{
    program("usr/lib/systemd/systemd");
    link("sbin/init", "../usr/lib/systemd/systemd");
    EXPECT_EQ(kind("auto"), "systemd");
    EXPECT_EQ(choose_init("auto", root_)->path, "/sbin/init");
    EXPECT_EQ(kind("image"), "systemd");
    EXPECT_EQ(kind("banger"), "banger");
}

TEST_F(ChooseInit, FindsSystemdWithoutAnyLink)
{
    program("lib/systemd/systemd");
    EXPECT_EQ(choose_init("auto", root_)->path, "/lib/systemd/systemd");
}

TEST_F(ChooseInit, SystemdFilesBesideAnotherInitAreNotSystemd)
{
    program("usr/lib/systemd/systemd");
    program("sbin/init");
    EXPECT_EQ(kind("auto"), "banger");
    EXPECT_EQ(kind("image"), "/sbin/init");
}

TEST_F(ChooseInit, BusyboxWithoutOpenrcIsNotEnough)
{
    program("bin/busybox");
    link("sbin/init", "../bin/busybox");
    EXPECT_EQ(kind("auto"), "banger");
    program("sbin/openrc");
    EXPECT_EQ(kind("auto"), "openrc");
}

TEST_F(ChooseInit, FindsTheS6Entrypoint)
{
    program("init", "#!/bin/sh -e\nexec /package/admin/s6-overlay/libexec/preinit\n");
    EXPECT_EQ(kind("auto"), "s6");
    EXPECT_EQ(choose_init("auto", root_)->path, "/init");
}

}  // namespace
}  // namespace banger::agent
