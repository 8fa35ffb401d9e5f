// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/disks.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

/// How long a disk may take to appear after its driver was loaded.
constexpr std::chrono::milliseconds disk_wait{10000};
/// fs/ext4/ext4.h: the file system grows to this many blocks while it is mounted.
constexpr unsigned long ext4_ioc_resize_fs = _IOW('f', 16, std::uint64_t);

std::vector<std::string> entries_of(const char* path)
{
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path), &closedir);
    while (const dirent* entry = directory ? readdir(directory.get()) : nullptr)
        if (entry->d_name[0] != '.')
            names.emplace_back(entry->d_name);
    std::sort(names.begin(), names.end());
    return names;
}

bool exists(const std::string& path)
{
    return access(path.c_str(), F_OK) == 0;
}

/// Block devices with hardware behind them, in the order the kernel named them.
std::vector<std::string> present_disks()
{
    auto names = entries_of("/sys/block");
    std::erase_if(names, [](const auto& name) { return !exists("/sys/block/" + name + "/device"); });
    // vda ... vdz before vdaa.
    std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return names;
}

/// One device name for each configured disk; empty while not all are there. By serial where the disks carry the roles,
/// else by position.
std::vector<std::string> match_disks(const std::vector<Configuration::DiskMount>& wanted)
{
    const auto present = present_disks();
    std::vector<std::string> found;
    bool any = false;
    for (const auto& disk : wanted) {
        const auto at = std::find_if(present.begin(), present.end(), [&](const auto& name) {
            return small_line("/sys/block/" + name + "/serial") == disk.role;
        });
        any = any || at != present.end();
        found.push_back(at == present.end() ? std::string() : *at);
    }
    if (any)
        return std::find(found.begin(), found.end(), std::string()) == found.end() ? found : std::vector<std::string>{};
    if (present.size() < wanted.size())
        return {};
    return {present.begin(), present.begin() + static_cast<std::ptrdiff_t>(wanted.size())};
}

bool can_discard(const std::string& name)
{
    const auto limit = small_line("/sys/block/" + name + "/queue/discard_max_bytes");
    return !limit.empty() && limit != "0";
}

sdk::Result<void> mount_disk(const std::string& name, const std::string& target, bool read_only)
{
    const std::string device = "/dev/" + name;
    const unsigned long flags = read_only ? MS_RDONLY : 0;
    // Inode tables that are not yet written stay so: writing them would turn into real blocks on the host.
    std::string options = "noinit_itable";
    if (!read_only && can_discard(name))
        options += ",discard";
    if (mount(device.c_str(), target.c_str(), "ext4", flags, read_only ? nullptr : options.c_str()) == 0)
        return {};
    const int why = errno;
    for (const char* type : {"squashfs", "erofs", "xfs", "btrfs"})
        if (mount(device.c_str(), target.c_str(), type, flags, nullptr) == 0)
            return {};
    return sdk::os_error("mount disk " + name + " at " + target, why);
}

/// Grows ext4 online; nothing happens where it fills its disk already.
sdk::Result<void> grow(const std::string& name, const std::string& target)
{
    struct statfs facts {};
    const sdk::os::UniqueFd device(open(("/dev/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    const sdk::os::UniqueFd root(open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::uint64_t bytes = 0;
    if (!device || !root || fstatfs(root.get(), &facts) != 0 || ioctl(device.get(), BLKGETSIZE64, &bytes) != 0)
        return sdk::os_error("measure disk " + name);
    constexpr decltype(facts.f_type) ext4_magic = 0xEF53;
    if (facts.f_type != ext4_magic)
        return {};
    const std::uint64_t blocks = bytes / static_cast<std::uint64_t>(facts.f_bsize);
    if (ioctl(root.get(), ext4_ioc_resize_fs, &blocks) != 0)
        return sdk::os_error("grow the file system on disk " + name);
    return {};
}

std::uint64_t size_of_root()
{
    struct statfs facts {};
    return statfs("/", &facts) == 0 ? facts.f_blocks * static_cast<std::uint64_t>(facts.f_bsize) : 0;
}

sdk::Result<void> mount_api(const char* type, const char* target, unsigned long flags, const char* options)
{
    mkdir(target, 0755);
    if (mount(type, target, type, flags, options) != 0)
        return sdk::os_error(std::string("mount ") + type + " at " + target);
    return {};
}

/// The file systems every program expects, made before any program runs. systemd keeps those it finds.
sdk::Result<void> mount_api_file_systems()
{
    struct Api {
        const char* type;
        const char* target;
        unsigned long flags;
        const char* options;
    };
    constexpr unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    constexpr std::array<Api, 6> all{{{"proc", "/proc", plain, nullptr},
                                      {"sysfs", "/sys", plain, nullptr},
                                      {"devtmpfs", "/dev", MS_NOSUID, "mode=755"},
                                      {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755"},
                                      {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666"},
                                      {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"}}};
    for (const auto& api : all)
        if (auto mounted = mount_api(api.type, api.target, api.flags, api.options); !mounted)
            return mounted;
    if (mkdir("/tmp", 01777) == 0)
        chmod("/tmp", 01777);  // mkdir heeds the umask
    return {};
}

/// A copy of this program where the guest can reach it; the initramfs it came from is about to go.
void keep_own_program(int program)
{
    mkdir("/run/banger", 0755);
    const sdk::os::UniqueFd copy(open("/run/banger/agent", O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
    struct stat facts {};
    fstat(program, &facts);
    off_t at = 0;
    while (at < facts.st_size && sendfile(copy.get(), program, &at, static_cast<std::size_t>(facts.st_size - at)) > 0) {
    }
}

sdk::Result<void> mount_further(const Configuration::DiskMount& disk, const std::string& name)
{
    // This process is chrooted by now: a symbolic link in the path leads where it leads in the guest.
    make_directories(disk.mount);
    std::string target = disk.mount;
    if (disk.read_only && !exists(target)) {
        target = "/run/banger/" + disk.role;  // a read-only root without the directory
        mkdir(target.c_str(), 0755);
    }
    if (auto mounted = mount_disk(name, target, disk.read_only); !mounted)
        return mounted;
    return disk.read_only ? sdk::Result<void>() : grow(name, target);
}

}  // namespace

sdk::Result<void> enter_root(const Configuration& configuration, GuestState& guest)
{
    const auto& disks = configuration.disks;
    const auto root = std::find_if(disks.begin(), disks.end(), [](const auto& disk) { return disk.mount == "/"; });
    if (root == disks.end())
        return sdk::make_error(sdk::Code::invalid, "no disk of the guest is to be mounted at /");
    std::vector<std::string> names;
    guest.timeline.measure("disks appear", [&] {
        return guest.uevents.wait([&] { return !(names = match_disks(disks)).empty(); }, disk_wait);
    });
    if (names.empty())
        return sdk::make_error(sdk::Code::not_found, "the guest's kernel found " +
                                                         std::to_string(present_disks().size()) + " of " +
                                                         std::to_string(disks.size()) + " disks");

    const auto& root_name = names[static_cast<std::size_t>(root - disks.begin())];
    const sdk::os::UniqueFd program(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    mkdir(new_root, 0755);
    auto mounted =
        guest.timeline.measure("mount root", [&] { return mount_disk(root_name, new_root, root->read_only); });
    if (!mounted)
        return mounted;
    if (!root->read_only)
        if (auto grown = guest.timeline.measure("grow root", [&] { return grow(root_name, new_root); }); !grown)
            return grown;
    if (chroot(new_root) != 0 || chdir("/") != 0)
        return sdk::os_error("enter the guest's root");
    if (auto api = mount_api_file_systems(); !api)
        return api;
    keep_own_program(program.get());
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (&disks[i] == &*root)
            continue;
        auto further = guest.timeline.measure("mount more", [&] { return mount_further(disks[i], names[i]); });
        if (!further)
            return further;
    }
    guest.root_bytes = size_of_root();
    return {};
}

}  // namespace banger::agent
