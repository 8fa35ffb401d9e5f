// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "jail.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "interpreter.hpp"

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

Result<sdk::Jails*> Jailing::look_for(const sdk::BootSpec& spec, sdk::Call& call) const
{
    if (spec.forkable && choice_ == JailChoice::require)
        return required("a vm that is forked cannot have one");
    if (spec.forkable)
        return nullptr;
    std::string why_not;
    return look(why_not, call);
}

Result<void> Jailing::allow_restore() const
{
    return choice_ == JailChoice::require ? required("a vm that is restored cannot have one") : Result<void>();
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

Result<sdk::JailSpec> jail_of(const sdk::BootSpec& spec, const std::string& program,
                              const std::vector<std::string>& arguments)
{
    auto dynamic = has_interpreter(program);
    if (!dynamic)
        return std::move(dynamic).error();
    Files files;
    files.add(program_inside, program);
    // One that distributions build is linked to their libraries. Releases of Firecracker need none.
    if (*dynamic)
        for (const char* libraries : {"/lib", "/lib64"})
            files.add(libraries, libraries);
    files.add(kernel_inside, spec.kernel);
    if (!spec.initramfs.empty())
        files.add(initramfs_inside, spec.initramfs);
    for (const auto& disk : spec.disks)
        files.add(disk_inside(disk.role), disk.path, !disk.read_only);
    files.add(work_inside, jail_directory(spec.owner.directory), true);
    files.add("/dev/kvm", "/dev/kvm", true);
    files.add("/dev/urandom", "/dev/urandom");
    const auto is_tap = [](const sdk::Link& link) { return link.attachment.kind == "tap"; };
    if (std::any_of(spec.links.begin(), spec.links.end(), is_tap))
        files.add("/dev/net/tun", "/dev/net/tun", true);
    auto all = files.take();
    if (!all)
        return std::move(all).error();
    std::vector<std::string> argv{program_inside};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return sdk::JailSpec{spec.owner, argv, work_inside, console_stream, log_stream, std::move(*all)};
}

}  // namespace banger::firecracker
