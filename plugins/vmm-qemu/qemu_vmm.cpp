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
#include "monitor.hpp"
#include "qemu_start.hpp"
#include "qmp.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

sdk::Result<void> wait_until_running(sdk::os::UniqueFd api, const Config& config, sdk::Call& call)
{
    const QmpLimits limits{std::chrono::steady_clock::now() + config.start_patience, call.cancel_descriptor()};
    auto qmp = Qmp::open(std::move(api), limits);
    if (!qmp)
        return never_started(std::move(qmp).error(), config);
    // QEMU answers commands from its main loop only, which it enters after it has started the processors.
    auto status = qmp->execute("query-status", limits);
    if (!status)
        return never_started(std::move(status).error(), config);
    rapidjson::Document document;
    document.Parse(*status);
    if (document.IsObject() && document.HasMember("running") && document["running"].IsTrue())
        return {};
    return make_error(Code::internal, "QEMU started, but its processors do not run: " + *status);
}

// Nothing, if its monitor, which serves one at a time, is busy, or QEMU itself stopped.
sdk::Fields what_it_says(const sdk::Owner& owner)
{
    constexpr std::chrono::milliseconds a_moment{200};
    auto socket = sdk::os::try_connect_unix(owner.directory + "/" + sdk::api_socket_name);
    auto monitor = socket ? Monitor::over(std::move(*socket), a_moment) : sdk::Result<Monitor>(socket.error());
    if (!monitor)
        return {};
    const auto runs = monitor->runs();
    const auto migration = monitor->migration();
    const auto accelerator = monitor->accelerator();
    if (!runs || !migration || !accelerator)
        return {};
    return {{"paused", *runs ? "false" : "true"},
            {"saving", migration->under_way() ? "true" : "false"},
            {"accelerator", std::string(to_string(*accelerator))}};
}

class QemuVmm final : public sdk::Vmm {
public:
    QemuVmm(sdk::Host& host, const Config& config)
        : host_(host), config_(config), probe_(host, config), process_(qemu_process())
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
            return std::move(checked).error();  // before the probe, which may take its time
        auto found = probe_.look(call);
        if (!found)
            return std::move(found).error();
        auto started = start_qemu(spec, *found, config_, false, process_, call);
        if (!started)
            return std::move(started).error();
        if (auto running = wait_until_running(std::move(started->api), config_, call); !running)
            return started->launch.explain(std::move(running).error());
        return sdk::Attached<sdk::Machine>{machine_on(found->accelerator), started->launch.keep()};
    }

    sdk::Result<void> release(const sdk::Handle& handle) override { return process_.release(handle); }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto inspection = process_.inspect(handle);
        if (inspection && inspection->present)
            inspection->facts.merge(what_it_says(handle.owner));
        return inspection;
    }
    sdk::Result<std::vector<sdk::Handle>> list() override { return process_.list(host_); }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override { return process_.kill(handle, signal); }

    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& handle, sdk::Call& /*call*/) override
    {
        return sdk::os::try_connect_unix(handle.owner.directory + "/" + sdk::agent_socket_name);
    }

private:
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
