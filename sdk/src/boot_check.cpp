// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/boot_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "banger/sdk/os/fd.hpp"

namespace banger::sdk {
namespace {

Result<void> must_open(const std::string& what, const std::string& path, int flags)
{
    const os::UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
    if (!file)
        return os_error("open " + what + " " + path);
    return {};
}

}  // namespace

bool is_word(const std::string& text, std::size_t longest)
{
    const auto ordinary = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), ordinary);
}

bool is_mac(const std::string& text)
{
    if (text.size() != 17)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (i % 3 == 2 ? text[i] != ':' : std::string_view("0123456789abcdefABCDEF").find(text[i]) == std::string::npos)
            return false;
    return true;
}

std::uint64_t host_memory_mib()
{
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) /
           (1U << 20U);
}

Result<void> check_host(const BootSpec& spec)
{
    if (const auto host = host_memory_mib(); spec.memory_mib > host)
        return make_error(Code::invalid, "the VM wants " + std::to_string(spec.memory_mib) +
                                             " MiB of memory, and this host has " + std::to_string(host));
    if (auto kernel = must_open("kernel", spec.kernel, O_RDONLY); !kernel)
        return kernel;
    if (!spec.initramfs.empty())
        if (auto initramfs = must_open("initramfs", spec.initramfs, O_RDONLY); !initramfs)
            return initramfs;
    for (const auto& disk : spec.disks)
        if (auto opened = must_open(disk.role + " disk", disk.path, disk.read_only ? O_RDONLY : O_RDWR); !opened)
            return opened;
    return {};
}

}  // namespace banger::sdk
