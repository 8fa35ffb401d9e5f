// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "device_node.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "device.hpp"

namespace banger::dm::device {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

dev_t device_of(const std::string& number)
{
    const auto colon = number.find(':');
    return makedev(std::stoul(number.substr(0, colon)), std::stoul(number.substr(colon + 1)));
}

bool is_device(const struct stat& status, const std::string& number)
{
    return S_ISBLK(status.st_mode) && status.st_rdev == device_of(number);
}

bool is_node_of(const std::string& path, const std::string& number)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && is_device(status, number);
}

bool is_link_to(const std::string& path, const std::string& target)
{
    std::array<char, 64> text{};
    const ssize_t length = ::readlink(path.c_str(), text.data(), text.size());
    return length >= 0 && std::string_view(text.data(), static_cast<std::size_t>(length)) == target;
}

// Over whatever is there.
Result<void> link_node(const std::string& name, const std::string& number)
{
    const std::string kernels = kernel_node_of(number);
    const std::string target = ".." + kernels.substr(kernels.rfind('/'));
    const std::string node = node_of(name);
    const os::OwnRights rights;
    const bool kept = is_node_of(kernels, number);  // else the kernel keeps no nodes here, and the name is one itself
    if (kept ? is_link_to(node, target) : is_node_of(node, number))
        return {};
    const std::string made = node + ".new";
    (void)::unlink(made.c_str());
    const int done = kept ? ::symlink(target.c_str(), made.c_str()) : ::mknod(made.c_str(), S_IFBLK | 0600, device_of(number));
    if (done != 0 || ::rename(made.c_str(), node.c_str()) != 0)
        return sdk::os_error("make " + node);
    return {};
}

}  // namespace

std::string kernel_node_of(const std::string& number)
{
    return "/dev/dm-" + number.substr(number.find(':') + 1);
}

Result<void> ensure_node(const std::string& name)
{
    auto state = own_state_of(name);
    if (!state)
        return std::move(state).error();
    if (*state)
        if (auto linked = link_node(name, (*state)->number); !linked)
            return linked;
    if (*state && is_node_of(node_of(name), (*state)->number))
        return {};
    return make_error(Code::not_found, "device " + name + " has no node " + node_of(name),
                      "`dmsetup info " + name + "` tells of it");
}

Result<void> forget_node(const std::string& name)
{
    const os::OwnRights rights;
    return os::remove_file(node_of(name));
}

Result<void> give_node(const std::string& name, uid_t user)
{
    if (user == ::geteuid())
        return {};
    auto before = own_state_of(name);
    if (!before || !*before)
        return before ? make_error(Code::not_found, "device " + name + " went away") : std::move(before).error();
    const os::OwnRights rights;
    auto node = os::open_file(kernel_node_of((*before)->number), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!node)
        return std::move(node).error();
    // While it is open the device stays, and its number is no other's.
    auto now = own_state_of(name);
    struct stat status {};
    if (!now || ::fstat(node->get(), &status) != 0)
        return now ? sdk::os_error("look at device " + name) : std::move(now).error();
    if (!*now || !is_device(status, (*now)->number))
        return make_error(Code::not_found, "device " + name + " went away");
    if (::fchown(node->get(), user, static_cast<gid_t>(-1)) != 0)
        return sdk::os_error("give device " + name + " to its user");
    return {};
}

}  // namespace banger::dm::device
