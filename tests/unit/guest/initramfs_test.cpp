// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/initramfs.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <memory>
#include <sstream>

namespace banger::guest {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths_of(const std::vector<BootModule>& modules)
{
    std::vector<std::string> paths;
    for (const auto& module : modules)
        paths.push_back(module.path + (module.virtio_device != 0 ? "@" + std::to_string(module.virtio_device) : ""));
    return paths;
}

TEST(ModulesToBoot, PutsWhatIsNeededFirst)
{
    EXPECT_THAT(
        paths_of(modules_to_boot("k/virtio_net.ko: k/net_failover.ko k/failover.ko k/virtio_ring.ko k/virtio.ko\n"
                                 "k/net_failover.ko: k/failover.ko\n"
                                 "k/failover.ko:\n"
                                 "k/virtio.ko: k/virtio_ring.ko\n"
                                 "k/virtio_ring.ko:\n"
                                 "k/unrelated.ko: k/virtio.ko\n"
                                 "k/virtio_pci.ko.xz: k/virtio.ko\n")),
        testing::ElementsAre("k/virtio_ring.ko", "k/virtio.ko", "k/virtio_pci.ko.xz", "k/failover.ko@1",
                             "k/net_failover.ko@1", "k/virtio_net.ko@1"));
}

TEST(ModulesToBoot, BuiltInDriversNeedNoModule)
{
    EXPECT_TRUE(modules_to_boot("").empty());
}

TEST(ModulesToBoot, KnowsBothSpellings)
{
    EXPECT_THAT(paths_of(modules_to_boot("k/virtio-blk.ko.zst:\n")), testing::ElementsAre("k/virtio-blk.ko.zst@2"));
}

class BuildInitramfs : public testing::Test {
protected:
    BuildInitramfs()
    {
        std::string name = (fs::temp_directory_path() / "banger-initramfs-XXXXXX").string();
        root_ = mkdtemp(name.data());
        fs::create_directories(root_ / "6.1/k");
        write("6.1/modules.dep", "k/virtio_pci.ko: k/virtio.ko\nk/virtio.ko:\nk/virtio_blk.ko.gz: k/virtio.ko\n");
        write("6.1/k/virtio.ko", "virtio module");
        write("6.1/k/virtio_pci.ko", "pci module");
        write_gzip("6.1/k/virtio_blk.ko.gz", "blk module");
        write("agent", "the agent");
    }
    ~BuildInitramfs() override { fs::remove_all(root_); }

    void write(const std::string& path, const std::string& content) { std::ofstream(root_ / path) << content; }

    void write_gzip(const std::string& path, const std::string& content)
    {
        const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), &archive_write_free);
        archive_write_add_filter_gzip(out.get());
        archive_write_set_format_raw(out.get());
        ASSERT_EQ(archive_write_open_filename(out.get(), (root_ / path).c_str()), ARCHIVE_OK);
        const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), &archive_entry_free);
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_pathname(entry.get(), "x");
        archive_write_header(out.get(), entry.get());
        archive_write_data(out.get(), content.data(), content.size());
        archive_write_close(out.get());
    }

    std::string bytes(const std::string& path)
    {
        std::ostringstream content;
        content << std::ifstream(root_ / path, std::ios::binary).rdbuf();
        return content.str();
    }

    std::map<std::string, std::string> entries(const std::string& path)
    {
        std::map<std::string, std::string> found;
        const std::unique_ptr<archive, int (*)(archive*)> in(archive_read_new(), &archive_read_free);
        archive_read_support_format_cpio(in.get());
        EXPECT_EQ(archive_read_open_filename(in.get(), (root_ / path).c_str(), 4096), ARCHIVE_OK);
        archive_entry* entry = nullptr;
        while (archive_read_next_header(in.get(), &entry) == ARCHIVE_OK) {
            std::string content(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
            archive_read_data(in.get(), content.data(), content.size());
            EXPECT_EQ(archive_entry_uid(entry), 0);
            EXPECT_EQ(archive_entry_mtime(entry), 0);
            found[archive_entry_pathname(entry)] = content;
        }
        return found;
    }

    fs::path root_;
};

TEST_F(BuildInitramfs, HoldsTheAgentAndPlainModulesInOrder)
{
    const auto built = build_initramfs(root_, "6.1", root_ / "agent", root_ / "out.cpio");
    ASSERT_TRUE(built) << built.error().message;
    const auto found = entries("out.cpio");
    EXPECT_EQ(found.at("init"), "the agent");
    EXPECT_EQ(found.at("modules/virtio_blk.ko"), "blk module");
    EXPECT_EQ(found.at("modules/order"),
              "/modules/virtio.ko\n/modules/virtio_pci.ko\n/modules/virtio_blk.ko virtio:2\n");
    EXPECT_TRUE(found.contains("dev"));
}

TEST_F(BuildInitramfs, TheSameInputGivesTheSameBytes)
{
    ASSERT_TRUE(build_initramfs(root_, "6.1", root_ / "agent", root_ / "one"));
    ASSERT_TRUE(build_initramfs(root_, "6.1", root_ / "agent", root_ / "two"));
    EXPECT_EQ(bytes("one"), bytes("two"));
}

TEST_F(BuildInitramfs, NamesWhatIsMissingAndLeavesNothing)
{
    fs::remove(root_ / "6.1/k/virtio.ko");
    const auto built = build_initramfs(root_, "6.1", root_ / "agent", root_ / "out.cpio");
    ASSERT_FALSE(built);
    EXPECT_NE(built.error().message.find("virtio.ko"), std::string::npos);
    EXPECT_FALSE(fs::exists(root_ / "out.cpio"));
    EXPECT_FALSE(fs::exists(root_ / "out.cpio.new"));
    EXPECT_EQ(build_initramfs(root_, "9.9", root_ / "agent", root_ / "out.cpio").error().code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::guest
