// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "machine_disks.hpp"

#include <chrono>
#include <utility>

#include "banger/sdk/os/process.hpp"
#include "ext4_root.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr const char* unfolder = "qemu-img";
constexpr std::chrono::hours most_disk_time{1};  // a large disk on a slow one
constexpr const char* keys_file = "/.ssh/authorized_keys";  // below /root, where the agent puts the key

// The path of a file that holds the disk byte by byte.
Result<std::string> plain_file(const DiskFile& disk, const std::string& unfolded, sdk::Call& call)
{
    if (disk.format == "raw")
        return disk.path;
    if (disk.format != "qcow2")
        return sdk::make_error(Code::unsupported, "no image is made of disks of format '" + disk.format + "'");
    if (!sdk::os::find_program(unfolder))
        return sdk::make_error(Code::not_found, "there is no qemu-img on this host to read " + disk.path,
                               "install qemu-utils");
    sdk::os::Command command;
    command.argv = {unfolder, "convert", "-f", disk.format, "-O", "raw", disk.path, unfolded};
    sdk::os::RunLimits limits;
    limits.timeout = most_disk_time;
    limits.cancel_descriptor = call.cancel_descriptor();
    if (auto ran = sdk::os::run_checked(std::move(command), {}, limits); !ran)
        return std::move(ran).error().while_doing("read " + disk.path);
    return unfolded;
}

}  // namespace

Result<void> stream_disks(const MachineDisks& machine, const std::string& scratch, int output, sdk::Call& call)
{
    call.progress({"read the disks", 0, 0, {}});
    auto root = plain_file(machine.root, scratch + "/root.raw", call);
    if (!root)
        return std::move(root).error();
    auto work = plain_file(machine.work, scratch + "/work.raw", call);
    if (!work)
        return std::move(work).error();
    return stream_machine(*root, *work, {keys_file, machine.client_key}, output, call);
}

}  // namespace banger::oci
