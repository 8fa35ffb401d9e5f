// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tap_device.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::Result;
namespace os = sdk::os;

constexpr const char* control = "/dev/net/tun";
constexpr const char* roots_only = "taps are root's: run the daemon as root, or use network 'user'";

Result<os::UniqueFd> open_tap(const std::string& name)
{
    const os::OwnRights rights;
    auto fd = os::open_file(control, O_RDWR);
    if (!fd) {
        auto error = std::move(fd).error();
        if (error.code == Code::permission)
            return std::move(error).with_hint(roots_only);
        error.code = Code::unsupported;  // there is no node, or nothing behind it
        return std::move(error).with_hint("`modprobe tun` brings it where the kernel has it");
    }
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL;
    if (::ioctl(fd->get(), TUNSETIFF, &request) != 0) {
        const int why = errno;
        auto error = sdk::os_error("make tap " + name, why);
        if (why == EBUSY)
            error.code = Code::exists;
        if (why == EPERM)
            error.hint = roots_only;
        return error;
    }
    return fd;
}

}  // namespace

Result<NewTap> NewTap::make(const std::string& name, uid_t user)
{
    auto fd = open_tap(name);
    if (!fd)
        return std::move(fd).error();
    // Also where that is who makes it: one that has no owner is anybody's to open (tun_not_capable() of drivers/net/tun.c).
    if (::ioctl(fd->get(), TUNSETOWNER, static_cast<unsigned long>(user)) != 0)
        return sdk::os_error("give tap " + name + " to its user");
    return NewTap(name, std::move(*fd));
}

Result<void> NewTap::keep()
{
    if (::ioctl(fd_.get(), TUNSETPERSIST, 1) != 0)
        return sdk::os_error("keep tap " + name_);
    return {};
}

Result<void> check_user(uid_t user)
{
    if (user == ::geteuid())
        return {};
    auto fd = os::open_file(control, O_RDWR);  // with the rights that the user has
    return fd ? Result<void>() : std::move(fd).error().with_hint("`chmod 666 /dev/net/tun` is how Linux has it: who owns no tap "
                                                                 "gets none by it");
}

}  // namespace banger::tap
