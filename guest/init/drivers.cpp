// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/init/drivers.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/console.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

constexpr int virtio_console = 3;
constexpr int virtio_vsock = 19;
constexpr std::string_view vsock_transport = "/vmw_vsock_virtio_transport.ko";

/// Types of the virtio devices that a transport has found.
std::set<int> present_devices()
{
    std::set<int> types;
    const std::unique_ptr<DIR, int (*)(DIR*)> devices(opendir("/sys/bus/virtio/devices"), &closedir);
    while (const dirent* entry = devices ? readdir(devices.get()) : nullptr)
        if (entry->d_name[0] != '.')
            types.insert(static_cast<int>(std::strtol(
                small_line(std::string("/sys/bus/virtio/devices/") + entry->d_name + "/device").c_str(), nullptr, 16)));
    return types;
}

void load(const std::string& path)
{
    const sdk::os::UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file && syscall(SYS_finit_module, file.get(), "", 0) == 0)
        return;
    if (errno != EEXIST)
        say_on_console("cannot load " + path + ": " + std::strerror(errno));
}

}  // namespace

DriverList::DriverList(const std::string& text)
{
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        const auto space = line.find(' ');
        Driver driver{line.substr(0, space), 0, false};
        constexpr std::string_view mark = " virtio:";
        if (const auto tag = line.find(mark); tag != std::string::npos)
            std::from_chars(line.data() + tag + mark.size(), line.data() + line.size(), driver.device);
        if (!driver.path.empty())
            drivers_.push_back(std::move(driver));
    }
}

template <typename Wanted>
void DriverList::load_if(Wanted wanted, const std::function<void()>& before_vsock)
{
    for (auto& driver : drivers_)
        if (!driver.loaded && wanted(driver.device)) {
            driver.loaded = true;
            if (before_vsock && driver.path.ends_with(vsock_transport))
                before_vsock();
            load(driver.path);
        }
}

void DriverList::load_channel(const std::function<void()>& before_vsock)
{
    load_if([](int device) { return device == 0; });
    const auto present = present_devices();
    load_if(
        [&](int device) { return (device == virtio_console || device == virtio_vsock) && present.contains(device); },
        before_vsock);
}

void DriverList::load_rest()
{
    const auto present = present_devices();
    load_if([&](int device) { return present.contains(device); });
}

DriverList drivers_to_load(const std::string& list_path)
{
    return DriverList(small_file(list_path));
}

}  // namespace banger::agent
