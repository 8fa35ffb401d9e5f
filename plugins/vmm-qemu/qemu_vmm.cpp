// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qemu_vmm.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "accelerator.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "command_line.hpp"
#include "config.hpp"
#include "qmp.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::chrono::seconds longest_start{60};  // a loaded host starts QEMU in one; this one is lost
constexpr std::uint64_t mib = 1U << 20U;

std::string_view to_string(Accelerator accelerator)
{
    return accelerator == Accelerator::kvm ? "kvm" : "tcg";
}

std::uint64_t host_memory_mib()
{
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) /
           mib;
}

// QEMU takes a gigabyte by itself; half of that holds a booted Debian's code without being thrown away.
std::uint32_t translation_cache_mib(const Config& config)
{
    if (config.translation_cache_mib != 0)
        return config.translation_cache_mib;
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(host_memory_mib() / 16, 32, 512));
}

sdk::Result<void> must_open(const std::string& what, const std::string& path, int flags)
{
    const sdk::os::UniqueFd file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
    if (!file)
        return sdk::os_error("open " + what + " " + path);
    return {};
}

// QEMU would say it too, but after its start and in its own words.
sdk::Result<void> check_files(const sdk::BootSpec& spec)
{
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

sdk::Result<void> wait_until_running(sdk::os::UniqueFd api, sdk::Call& call)
{
    const QmpLimits limits{std::chrono::steady_clock::now() + longest_start, call.cancel_descriptor()};
    auto qmp = Qmp::open(std::move(api), limits);
    if (!qmp)
        return std::move(qmp).error();
    // QEMU answers commands from its main loop only, which it enters after it has started the processors.
    auto status = qmp->execute("query-status", limits);
    if (!status)
        return std::move(status).error();
    rapidjson::Document document;
    document.Parse(*status);
    if (document.IsObject() && document.HasMember("running") && document["running"].IsTrue())
        return {};
    return make_error(Code::internal, "QEMU started, but its processors do not run: " + *status);
}

class QemuVmm final : public sdk::Vmm {
public:
    QemuVmm(sdk::Host& host, const Config& config)
        : host_(host), config_(config), probe_(host, config), process_("qemu", "-name")
    {
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& call) override
    {
        sdk::Probe probe;
        auto found = probe_.look(call);
        if (!found && found.error().code == Code::cancelled)
            return std::move(found).error();
        if (!found) {
            probe.reason = found.error().message;
            probe.hint = found.error().hint;
            return probe;
        }
        probe.usable = true;
        probe.reason = found->reason;
        probe.accepts = {"disk:qcow2",           "disk:raw", "link:stream-socket", "link:tap",
                         "link:user-restricted", "link:none"};
        probe.facts = {{"program", found->program},
                       {"version", found->version},
                       {"accelerator", std::string(to_string(found->accelerator))},
                       {"reason", found->reason}};
        return probe;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::BootSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        return std::vector{process_.planned(spec.owner)};
    }

    sdk::Result<sdk::Attached<sdk::Machine>> attach(const sdk::BootSpec& spec, sdk::Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (const auto host = host_memory_mib(); spec.memory_mib > host)
            return make_error(Code::invalid, "the VM wants " + std::to_string(spec.memory_mib) +
                                                 " MiB of memory, and this host has " + std::to_string(host));
        if (auto files = check_files(spec); !files)
            return std::move(files).error();
        auto found = probe_.look(call);
        if (!found)
            return std::move(found).error();
        return start(spec, *found, call);
    }

    sdk::Result<void> release(const sdk::Handle& handle) override { return process_.release(handle); }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override { return process_.inspect(handle); }
    sdk::Result<std::vector<sdk::Handle>> list() override { return process_.list(host_); }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override { return process_.kill(handle, signal); }

    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& handle) override
    {
        return sdk::os::try_connect_unix(handle.owner.directory + "/" + sdk::agent_socket_name);
    }

private:
    sdk::Result<sdk::Attached<sdk::Machine>> start(const sdk::BootSpec& spec, const Installation& found,
                                                   sdk::Call& call)
    {
        auto launch = sdk::VmmLaunch::prepare(process_, spec.owner, true);
        if (!launch)
            return std::move(launch).error();
        auto links = connect_links(spec.links);
        if (!links)
            return std::move(links).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");

        sdk::os::Command command;
        command.argv = command_line(
            spec, {found.program, found.accelerator, translation_cache_mib(config_), which_are_devices(spec.disks)});
        command.descriptors = {{launch->sockets().api.get(), api_descriptor},
                               {launch->sockets().agent.get(), agent_descriptor}};
        for (std::size_t i = 0; i < links->size(); ++i)
            command.descriptors.emplace_back((*links)[i].get(), first_link_descriptor + static_cast<int>(i));
        auto api = launch->start(std::move(command), "qemu.log");
        if (!api)
            return std::move(api).error();
        links->clear();
        if (auto running = wait_until_running(std::move(*api), call); !running)
            return launch->explain(std::move(running).error());
        sdk::Machine machine{std::string(to_string(found.accelerator)), true};
        return sdk::Attached<sdk::Machine>{std::move(machine), launch->keep()};
    }

    sdk::Host& host_;
    const Config config_;
    AcceleratorProbe probe_;
    const sdk::VmmProcess process_;
};

}  // namespace

sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config)
{
    auto read = read_config(config);
    if (!read)
        return std::move(read).error();
    return std::unique_ptr<sdk::Vmm>(std::make_unique<QemuVmm>(host, *read));
}

}  // namespace banger::qemu
