// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qemu_start.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "banger/sdk/boot_check.hpp"
#include "banger/sdk/os/file.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

// QEMU takes a gigabyte by itself; half of that holds a booted Debian's code without being thrown away.
std::uint32_t translation_cache_mib(const Config& config)
{
    if (config.translation_cache_mib != 0)
        return config.translation_cache_mib;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(sdk::host_memory_mib() / 16, 32, 512));
}

std::vector<bool> which_are_devices(const std::vector<sdk::Disk>& disks)
{
    std::vector<bool> devices;
    for (const auto& disk : disks) {
        struct stat status {};
        devices.push_back(::stat(disk.path.c_str(), &status) == 0 && S_ISBLK(status.st_mode));
    }
    return devices;
}

// Connected here and not by QEMU: the path may be longer than a socket address, and a network that does not answer is
// an error of its own.
sdk::Result<std::vector<sdk::os::UniqueFd>> connect_links(const std::vector<sdk::Link>& links)
{
    std::vector<sdk::os::UniqueFd> sockets;
    for (const auto& link : links) {
        if (link.attachment.kind != "stream-socket")
            continue;
        auto socket = sdk::os::try_connect_unix(link.attachment.fields.at("path"));
        if (!socket)
            return std::move(socket).error().while_doing("connect the VM to its network");
        sockets.push_back(std::move(*socket));
    }
    return sockets;
}

}  // namespace

std::string_view to_string(Accelerator accelerator)
{
    return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

sdk::Error never_started(sdk::Error error, const Config& config)
{
    if (error.code != Code::timed_out)
        return error;
    return make_error(Code::timed_out,
                      "QEMU did not start its machine within " + std::to_string(config.start_patience.count()) + " s",
                      "if this host is only slow, raise start_patience in [plugin.vmm-qemu]; else try another program "
                      "there, or `banger doctor`");
}

sdk::Result<Started> start_qemu(const sdk::BootSpec& spec, const Installation& found, const Config& config,
                                bool incoming, const sdk::VmmProcess& process, sdk::Call& call)
{
    if (auto checked = check(spec); !checked)
        return std::move(checked).error();
    if (auto checked = sdk::check_host(spec); !checked)
        return std::move(checked).error();
    auto launch = sdk::VmmLaunch::prepare(process, spec.owner, true);
    if (!launch)
        return std::move(launch).error();
    auto links = connect_links(spec.links);
    if (!links)
        return std::move(links).error();
    if (call.cancelled())
        return make_error(Code::cancelled, "cancelled");

    sdk::os::Command command;
    command.argv = command_line(spec, {found.program, found.accelerator, translation_cache_mib(config),
                                       which_are_devices(spec.disks), incoming});
    command.descriptors = {{launch->sockets().api.get(), api_descriptor},
                           {launch->sockets().agent.get(), agent_descriptor}};
    for (std::size_t i = 0; i < links->size(); ++i)
        command.descriptors.emplace_back((*links)[i].get(), first_link_descriptor + static_cast<int>(i));
    auto api = launch->start(std::move(command), "qemu.log", call);
    if (!api)
        return std::move(api).error();
    links->clear();
    return Started{std::move(*launch), std::move(*api)};
}

}  // namespace banger::qemu
