// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "jail.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "interpreter.hpp"
#include "save_files.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

// Where each of them is in there.
constexpr const char* program_inside = "/firecracker";
constexpr const char* kernel_inside = "/kernel";
constexpr const char* initramfs_inside = "/initramfs";
constexpr const char* work_inside = "/vm";
constexpr const char* save_inside = "/save";
constexpr const char* jail_fact = "jail";

std::string disk_inside(const std::string& role)
{
    return "/disks/" + role;
}

sdk::Error required(const std::string& why, const std::string& hint = {})
{
    return make_error(Code::unavailable, "plugin.vmm-firecracker.jail requires a jail, and " + why,
                      hint.empty() ? "jail = \"auto\" under [plugin.vmm-firecracker] goes on without one" : hint);
}

// By the path that it really has: a jail is given nothing that a symbolic link leads to.
class Files {
public:
    void add(const std::string& inside, const std::string& path, bool writable = false)
    {
        std::error_code error;
        const auto real = std::filesystem::canonical(path, error);
        if (error && !problem_)
            problem_ = sdk::os_error("look for " + path, error.value());
        files_.push_back({inside, real.string(), writable});
    }
    Result<std::vector<sdk::JailedFile>> take()
    {
        return problem_ ? Result<std::vector<sdk::JailedFile>>(*problem_) : std::move(files_);
    }

private:
    std::vector<sdk::JailedFile> files_;
    std::optional<sdk::Error> problem_;
};

}  // namespace

Result<sdk::Jails*> Jailing::look(std::string& why_not, sdk::Call& call) const
{
    if (choice_ == JailChoice::off) {
        why_not = "plugin.vmm-firecracker.jail is off";
        return nullptr;
    }
    sdk::Jails* const jails = host_.jails();
    auto usable = jails == nullptr ? make_error(Code::unavailable, "only the root helper, which serves ordinary users, jails")
                                   : jails->probe(call);
    if (usable)
        return jails;
    if (usable.error().code == Code::cancelled)
        return std::move(usable).error();
    why_not = usable.error().message;
    if (choice_ == JailChoice::require)
        return required(why_not, usable.error().hint);
    return nullptr;
}

bool has_jail(const std::string& vm_directory)
{
    return sdk::os::exists(jail_directory(vm_directory));
}

bool is_jailed(pid_t pid)
{
    struct stat ours {};
    struct stat its {};
    return ::stat("/", &ours) == 0 && ::stat(("/proc/" + std::to_string(pid) + "/root").c_str(), &its) == 0 &&
           (ours.st_dev != its.st_dev || ours.st_ino != its.st_ino);
}

sdk::BootSpec inside(sdk::BootSpec spec)
{
    spec.kernel = kernel_inside;
    if (!spec.initramfs.empty())
        spec.initramfs = initramfs_inside;
    for (auto& disk : spec.disks)
        disk.path = disk_inside(disk.role);
    return spec;
}

sdk::RestoreSpec inside(sdk::RestoreSpec spec)
{
    return {inside(std::move(spec.boot)), save_inside};
}

Result<sdk::JailSpec> jail_of(const sdk::RestoreSpec& spec, const std::string& program,
                              const std::vector<std::string>& arguments)
{
    const auto& [boot, snapshot] = spec;
    auto dynamic = has_interpreter(program);
    if (!dynamic)
        return std::move(dynamic).error();
    Files files;
    files.add(program_inside, program);
    // One that distributions build is linked to their libraries. Releases of Firecracker need none.
    if (*dynamic)
        for (const char* libraries : {"/lib", "/lib64"})
            files.add(libraries, libraries);
    if (snapshot.empty()) {
        files.add(kernel_inside, boot.kernel);
        if (!boot.initramfs.empty())
            files.add(initramfs_inside, boot.initramfs);
    } else {
        for (const char* name : {memory_name, devices_name})
            files.add(saved_in(save_inside).path_of(name), saved_in(snapshot).path_of(name));
    }
    for (const auto& disk : boot.disks)
        files.add(disk_inside(disk.role), disk.path, !disk.read_only);
    files.add(work_inside, jail_directory(boot.owner.directory), true);
    files.add("/dev/kvm", "/dev/kvm", true);
    files.add("/dev/urandom", "/dev/urandom");
    const auto is_tap = [](const sdk::Link& link) { return link.attachment.kind == "tap"; };
    if (std::any_of(boot.links.begin(), boot.links.end(), is_tap))
        files.add("/dev/net/tun", "/dev/net/tun", true);
    auto all = files.take();
    if (!all)
        return std::move(all).error();
    std::vector<std::string> argv{program_inside};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return sdk::JailSpec{boot.owner, argv, work_inside, console_stream, log_stream, std::move(*all)};
}

Result<void> hand_in(const std::string& path, const std::string& name)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode))
        return make_error(Code::unsupported, path + " is a device, and a jail has those that it was made with");
    if (auto removed = sdk::os::remove_file(name); !removed)
        return removed;
    if (::linkat(AT_FDCWD, path.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0)
        return {};
    const int why = errno;
    auto error = sdk::os_error("hand " + path + " into a jail", why);
    if (why == EXDEV)
        error.hint = "it must be on the file system of the vm's directory";
    return error;
}

sdk::MachineShape as_of_a_jail(sdk::MachineShape shape)
{
    shape.emplace_back(jail_fact, "yes");
    return shape;
}

bool take_jail_from(sdk::MachineShape& shape)
{
    return std::erase_if(shape, [](const auto& fact) { return fact.first == jail_fact; }) != 0;
}

}  // namespace banger::firecracker
