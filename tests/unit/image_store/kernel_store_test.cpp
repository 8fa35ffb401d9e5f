// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/kernel_store.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/images/initramfs_modules.hpp"
#include "core/images/vmlinux.hpp"
#include "store_test_support.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::testing::FakeCall;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* release = "6.1.0-1-amd64";

// An ELF header, one note segment and its note.
std::string vmlinux(const std::string& note_name = "Xen", std::uint32_t note_type = 18)
{
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;

    const std::string other("\4\0\0\0\2\0\0\0\1\0\0\0GNU\0ab\0\0", 20);  // a note before it, with padding
    Elf64_Nhdr note{static_cast<Elf64_Word>(note_name.size() + 1), 4, note_type};
    std::string notes = other + std::string(reinterpret_cast<const char*>(&note), sizeof note) + note_name;
    notes.resize((notes.size() + 1 + 3) / 4 * 4, '\0');
    notes += std::string(4, '\1');

    Elf64_Phdr segment{};
    segment.p_type = PT_NOTE;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = notes.size();
    return std::string(reinterpret_cast<const char*>(&header), sizeof header) +
           std::string(reinterpret_cast<const char*>(&segment), sizeof segment) + notes;
}

void put(const std::string& path, const std::string& content)
{
    ASSERT_TRUE(sdk::os::make_directories(path.substr(0, path.rfind('/'))));
    ASSERT_TRUE(sdk::os::write_file_atomic(path, content));
}

void put_modules(const std::string& directory)
{
    put(directory + "/modules.dep",
        "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n"
        "kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko\n"
        "kernel/net/core/failover.ko:\n"
        "kernel/drivers/gpu/big.ko: kernel/net/core/failover.ko\n");
    for (const char* module :
         {"drivers/net/virtio_net", "drivers/net/net_failover", "net/core/failover", "drivers/gpu/big"})
        put(directory + "/kernel/" + module + ".ko", std::string("module ") + module);
}

class FakeKernels final : public sdk::KernelSource {
public:
    using Fetch = std::function<sdk::Result<sdk::KernelBundle>(const sdk::KernelRequest&, sdk::Call&)>;
    explicit FakeKernels(Fetch fetch) : fetch_(std::move(fetch)) {}

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override { return sdk::Probe{true, "a fake", {}, {}, {}, {}}; }
    sdk::Result<sdk::KernelBundle> fetch(const sdk::KernelRequest& request, sdk::Call& call) override
    {
        ++fetches;
        return fetch_(request, call);
    }
    int fetches = 0;

private:
    Fetch fetch_;
};

sdk::Result<sdk::KernelBundle> give_kernel(const sdk::KernelRequest& request, sdk::Call& call)
{
    call.progress({"unpack", 0, 0, {}});
    put(request.directory + "/boot/vmlinux", vmlinux());
    put(request.directory + "/package.deb", std::string(100'000, 'd'));
    put_modules(request.directory + "/lib/modules/" + release);
    return sdk::KernelBundle{release, "boot/vmlinux", "lib/modules", "quiet", {{"package", "linux-image"}}};
}

class KernelStoreTest : public ::testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    std::string directory_ = temporary_.path() + "/kernels";
    Catalogue catalogue_ = testing::catalogue();
    FakeCall call_;

    [[nodiscard]] std::vector<std::string> names() const { return testing::names_in(directory_); }

    sdk::Result<Kernel> pull(FakeKernels& source)
    {
        return KernelStore(directory_, catalogue_,
                           [&](const std::string&) -> sdk::Result<sdk::KernelSource*> { return &source; })
            .pull("plain", call_);
    }
    sdk::Error failure(FakeKernels::Fetch fetch)
    {
        FakeKernels source(std::move(fetch));
        auto kernel = pull(source);
        EXPECT_FALSE(kernel);
        EXPECT_THAT(names(), IsEmpty());
        return kernel ? sdk::Error{} : kernel.error();
    }
};

TEST_F(KernelStoreTest, PullsAKernelAndKeepsWhatAGuestNeeds)
{
    FakeKernels source(give_kernel);
    const auto kernel = pull(source);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->name, "plain");
    EXPECT_EQ(kernel->version, release);
    EXPECT_EQ(kernel->command_line, "quiet");
    EXPECT_EQ(kernel->facts.at("pvh"), "true");
    EXPECT_EQ(kernel->facts.at("package"), "linux-image");
    EXPECT_THAT(testing::names_in(directory_ + "/" + kernel->id),
                ElementsAre("kernel.json", "modules", "modules.ext4", "vmlinux"));

    const std::string modules = kernel->modules_directory + "/" + release;
    EXPECT_EQ(*sdk::os::read_file(modules + "/modules.dep"),
              "kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko\n"
              "kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko\n"
              "kernel/net/core/failover.ko:\n");
    EXPECT_EQ(*sdk::os::read_file(modules + "/kernel/drivers/net/virtio_net.ko"), "module drivers/net/virtio_net");
    EXPECT_FALSE(sdk::os::exists(modules + "/kernel/drivers/gpu"));

    EXPECT_EQ(testing::file_in(kernel->modules_disk, std::string("/") + release + "/kernel/drivers/gpu/big.ko"),
              "module drivers/gpu/big");
    EXPECT_TRUE(testing::is_clean(kernel->modules_disk));
    for (const std::string& file : {kernel->vmlinux, kernel->modules_disk}) {
        struct stat status {};
        ASSERT_EQ(::stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777U, 0444U);
    }
}

TEST_F(KernelStoreTest, ListsFindsAndRemoves)
{
    FakeKernels source(give_kernel);
    KernelStore store(directory_, catalogue_,
                      [&](const std::string&) -> sdk::Result<sdk::KernelSource*> { return &source; });
    EXPECT_THAT(*store.list(), IsEmpty());
    EXPECT_THAT(store.find("plain").error().hint, HasSubstr("`banger kernel pull plain`"));
    const auto pulled = store.pull("plain", call_);
    ASSERT_TRUE(pulled);
    ASSERT_TRUE(store.pull(pulled->id, call_));
    EXPECT_EQ(source.fetches, 1);
    EXPECT_THAT(*store.list(), SizeIs(1));
    const auto found = store.find("plain");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->vmlinux, pulled->vmlinux);
    const auto freed = store.remove("plain");
    ASSERT_TRUE(freed);
    EXPECT_GT(*freed, 0U);
    EXPECT_THAT(names(), IsEmpty());
}

TEST_F(KernelStoreTest, AKernelMayHaveNoModules)
{
    FakeKernels source([](const sdk::KernelRequest& request, sdk::Call&) -> sdk::Result<sdk::KernelBundle> {
        put(request.directory + "/vmlinux", vmlinux("Nix", 18));
        return sdk::KernelBundle{release, "vmlinux", {}, {}, {}};
    });
    const auto kernel = pull(source);
    ASSERT_TRUE(kernel) << kernel.error().message;
    EXPECT_EQ(kernel->modules_disk, "");
    EXPECT_EQ(kernel->modules_directory, "");
    EXPECT_EQ(kernel->facts.at("pvh"), "false");
}

TEST_F(KernelStoreTest, WhatIsNoKernelIsRefused)
{
    const auto error = failure([](const sdk::KernelRequest& request, sdk::Call&) -> sdk::Result<sdk::KernelBundle> {
        put(request.directory + "/vmlinux", "MZ, compressed");
        return sdk::KernelBundle{release, "vmlinux", {}, {}, {}};
    });
    EXPECT_EQ(error.code, Code::corrupt);
    EXPECT_THAT(error.message, HasSubstr("is not an uncompressed 64-bit x86 kernel"));
}

TEST_F(KernelStoreTest, ABundleStaysInItsDirectory)
{
    const sdk::KernelBundle good{release, "vmlinux", {}, {}, {}};
    for (const auto change : {+[](sdk::KernelBundle& bundle) { bundle.vmlinux = "../../../vmlinux"; },
                              +[](sdk::KernelBundle& bundle) { bundle.vmlinux = "/etc/passwd"; },
                              +[](sdk::KernelBundle& bundle) { bundle.modules = ".."; },
                              +[](sdk::KernelBundle& bundle) { bundle.version = "../6"; },
                              +[](sdk::KernelBundle& bundle) { bundle.version = ""; }})
        failure([&](const sdk::KernelRequest& request, sdk::Call&) -> sdk::Result<sdk::KernelBundle> {
            put(request.directory + "/vmlinux", vmlinux());
            auto bundle = good;
            change(bundle);
            return bundle;
        });
}

TEST_F(KernelStoreTest, ASourcesFailureAndCancellationLeaveNothing)
{
    EXPECT_EQ(failure([](const sdk::KernelRequest& request, sdk::Call&) -> sdk::Result<sdk::KernelBundle> {
                  put(request.directory + "/half", "x");
                  return sdk::make_error(Code::unavailable, "the mirror does not answer");
              }).message,
              "the mirror does not answer");
    const auto error = failure([this](const sdk::KernelRequest&, sdk::Call& own) -> sdk::Result<sdk::KernelBundle> {
        call_.cancel();
        testing::wait_until_cancelled(own);
        return testing::sdk_cancelled();
    });
    EXPECT_EQ(error.code, Code::cancelled);
    EXPECT_EQ(error.message, "making kernel 'plain' was cancelled");
}

TEST_F(KernelStoreTest, ADamagedKernelNamesItsDirectory)
{
    FakeKernels source(give_kernel);
    const auto kernel = pull(source);
    ASSERT_TRUE(kernel);
    ASSERT_TRUE(sdk::os::remove_file(kernel->vmlinux));
    const auto again = pull(source);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::corrupt);
    EXPECT_THAT(again.error().message, HasSubstr(directory_ + "/" + kernel->id));
    EXPECT_THAT(again.error().hint, HasSubstr("`banger kernel delete " + kernel->id + "`"));
}

class InitramfsModules : public ::testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    std::string from_ = temporary_.path() + "/from";
    std::string target_ = temporary_.path() + "/target/" + release;
};

TEST_F(InitramfsModules, AListThatLeadsOutsideIsRefused)
{
    put(from_ + "/modules.dep", "kernel/virtio_blk.ko: ../../outside.ko\n../../outside.ko:\n");
    put(from_ + "/kernel/virtio_blk.ko", "x");
    EXPECT_EQ(take_initramfs_modules(from_, target_).error().code, Code::corrupt);
}

TEST_F(InitramfsModules, AMissingModuleIsSaid)
{
    put(from_ + "/modules.dep", "kernel/virtio_blk.ko: kernel/virtio.ko\n");
    put(from_ + "/kernel/virtio_blk.ko", "x");
    const auto taken = take_initramfs_modules(from_, target_);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Code::corrupt);
    EXPECT_THAT(taken.error().message, HasSubstr("kernel/virtio.ko"));
}

TEST_F(InitramfsModules, AMissingListIsSaid)
{
    const auto taken = take_initramfs_modules(from_, target_);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Code::corrupt);
}

TEST(Vmlinux, EveryCutOfOneIsSafe)
{
    const sdk::testing::TemporaryDirectory temporary;
    const std::string path = temporary.path() + "/vmlinux";
    const std::string whole = vmlinux();
    put(path, whole);
    EXPECT_TRUE(inspect_vmlinux(path)->has_pvh);
    for (std::size_t length = whole.size(); length-- > 0;) {
        ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(length)), 0);
        const auto kernel = inspect_vmlinux(path);
        ASSERT_TRUE(!kernel || !kernel->has_pvh) << length;
    }
}

}  // namespace
}  // namespace banger::images
