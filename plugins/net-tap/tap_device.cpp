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

Result<os::UniqueFd> open_control()
{
    const os::OwnRights rights;
    auto fd = os::open_file(control, O_RDWR);
    if (fd)
        return fd;
    auto error = std::move(fd).error();
    if (error.code == Code::permission)
        return std::move(error).with_hint(roots_only);
    error.code = Code::unsupported;  // there is no node, or nothing behind it
    return std::move(error).with_hint("`modprobe tun` brings it where the kernel has it");
}

// `further` as in TUNSETIFF.
Result<os::UniqueFd> open_tap(const std::string& name, int further, const std::string& doing)
{
    auto fd = open_control();
    if (!fd)
        return fd;
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | further);
    if (::ioctl(fd->get(), TUNSETIFF, &request) != 0) {
        const int why = errno;
        auto error = sdk::os_error(doing, why);
        if (why == EPERM)
            error.hint = roots_only;
        return error;
    }
    return fd;
}

// One without an owner is anybody's to open (tun_not_capable() of drivers/net/tun.c).
Result<void> set_owner(const os::UniqueFd& tap, uid_t user, const std::string& doing)
{
    return ::ioctl(tap.get(), TUNSETOWNER, static_cast<unsigned long>(user)) == 0 ? Result<void>() : sdk::os_error(doing);
}

}  // namespace

Result<NewTap> NewTap::make(const std::string& name)
{
    const std::string doing = "make tap " + name;
    auto fd = open_tap(name, IFF_TUN_EXCL, doing);
    if (!fd) {
        auto error = std::move(fd).error();
        if (error.code == Code::busy)
            error.code = Code::exists;
        return error;
    }
    if (auto owned = set_owner(*fd, ::geteuid(), doing); !owned)
        return std::move(owned).error();
    return NewTap(name, std::move(*fd));
}

Result<void> give_tap(const std::string& name, uid_t user)
{
    const std::string doing = "give tap " + name + " to its user";
    auto fd = open_tap(name, 0, doing);
    return fd ? set_owner(*fd, user, doing) : std::move(fd).error();
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
