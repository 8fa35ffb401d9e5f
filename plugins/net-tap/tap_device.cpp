// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tap_device.hpp"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "banger/sdk/os/file.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::Result;
namespace os = sdk::os;

constexpr const char* roots_only = "taps are root's: run the daemon as root, or use network 'user'";

Result<os::UniqueFd> open_tap(const std::string& name)
{
    auto fd = os::open_file("/dev/net/tun", O_RDWR);
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

Result<void> make_tap(const std::string& name)
{
    auto fd = open_tap(name);
    if (!fd)
        return std::move(fd).error();
    if (::ioctl(fd->get(), TUNSETPERSIST, 1) != 0)
        return sdk::os_error("keep tap " + name);
    return {};
}

}  // namespace banger::tap
