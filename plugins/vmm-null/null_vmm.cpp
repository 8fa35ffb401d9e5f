// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "null_vmm.hpp"

#include <unistd.h>

#include <array>
#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/own_program.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::null {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr int api_descriptor = 3;
constexpr std::chrono::seconds longest_start{30};

sdk::Result<std::string> configured_helper(std::string_view config)
{
    std::string helper;
    auto read = plugin_json::read_section(config, "vmm-null", [&](plugin_json::ObjectReader& section) {
        helper = section.text("helper", plugin_json::is_any);
    });
    if (!read)
        return std::move(read).error();
    return helper;
}

sdk::Result<std::string> find_helper(const std::string& configured)
{
    return sdk::find_own_program({"banger-null-vmm", "vmm-null", "helper", BANGER_NULL_VMM_FROM_PLUGIN}, configured,
                                 reinterpret_cast<const void*>(&find_helper));
}

// The helper's arguments are its whole configuration.
sdk::Result<std::vector<std::string>> command_line(const std::string& helper, const sdk::BootSpec& spec)
{
    if (spec.vcpus == 0 || spec.memory_mib == 0)
        return make_error(Code::invalid, "a VM has at least one CPU and one MiB of memory");
    std::vector<std::string> argv{helper, "--name", sdk::VmmProcess::name_of(spec.owner), "--api",
                                  std::to_string(api_descriptor)};
    for (const auto& file : {spec.kernel, spec.initramfs})
        if (!file.empty())
            argv.insert(argv.end(), {"--read", file});
    for (const auto& disk : spec.disks) {
        if (disk.format != "raw" && disk.format != "qcow2")
            return make_error(Code::unsupported, "the null VMM is not given disks of format '" + disk.format + "'");
        argv.insert(argv.end(), {disk.read_only ? "--read" : "--write", disk.path});
    }
    for (const auto& link : spec.links) {
        const auto& [kind, fields] = link.attachment;
        if (kind == "stream-socket" && fields.contains("path"))
            argv.insert(argv.end(), {"--connect", fields.at("path")});
        else if (kind != "tap" && kind != "user-restricted" && kind != "none")
            return make_error(Code::unsupported,
                              "the null VMM does not know network attachments of kind '" + kind + "'");
    }
    return argv;
}

// The helper greets whoever connects, once it holds everything.
sdk::Result<void> wait_for_greeting(const sdk::os::UniqueFd& api, sdk::Call& call)
{
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    if (auto ready = sdk::os::wait_readable(api.get(), call.cancel_descriptor(), deadline); !ready)
        return ready;
    std::array<char, 1> greeting{};
    if (::read(api.get(), greeting.data(), greeting.size()) == 1)
        return {};
    return make_error(Code::unavailable, "the null VMM ended");
}

class NullVmm final : public sdk::Vmm {
public:
    NullVmm(sdk::Host& host, std::string helper) : host_(host), helper_(std::move(helper)), process_("null", "--name")
    {
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        auto helper = find_helper(helper_);
        if (!helper) {
            probe.reason = helper.error().message;
            probe.hint = helper.error().hint;
            return probe;
        }
        probe.usable = true;
        probe.reason = "it holds disks and network and boots nothing: for tests";
        probe.accepts = {"disk:qcow2",           "disk:raw", "link:stream-socket", "link:tap",
                         "link:user-restricted", "link:none"};
        probe.facts = {{"accelerator", "none"}, {"program", *helper}};
        return probe;
    }

    sdk::Result<std::vector<sdk::Handle>> plan(const sdk::BootSpec& spec) override
    {
        if (auto argv = command_line(helper_, spec); !argv)
            return std::move(argv).error();
        return std::vector{process_.planned(spec.owner)};
    }

    sdk::Result<sdk::Attached<sdk::Machine>> attach(const sdk::BootSpec& spec, sdk::Call& call) override
    {
        auto helper = find_helper(helper_);
        if (!helper)
            return std::move(helper).error();
        auto argv = command_line(*helper, spec);
        if (!argv)
            return std::move(argv).error();
        auto launch = sdk::VmmLaunch::prepare(process_, spec.owner, false);
        if (!launch)
            return std::move(launch).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        sdk::os::Command command;
        command.argv = std::move(*argv);
        command.descriptors = {{launch->sockets().api.get(), api_descriptor}};
        auto api = launch->start(std::move(command), "null-vmm.log", call);
        if (!api)
            return std::move(api).error();
        if (auto greeted = wait_for_greeting(*api, call); !greeted)
            return launch->explain(std::move(greeted).error());
        return sdk::Attached<sdk::Machine>{sdk::Machine{"none", sdk::ChannelKind::none}, launch->keep()};
    }

    sdk::Result<void> release(const sdk::Handle& handle) override { return process_.release(handle); }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override { return process_.inspect(handle); }
    sdk::Result<std::vector<sdk::Handle>> list() override { return process_.list(host_); }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override { return process_.kill(handle, signal); }

    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& /*handle*/, sdk::Call& /*call*/) override
    {
        return make_error(Code::unsupported, "the null VMM boots nothing, so nobody answers in it");
    }

private:
    sdk::Host& host_;
    const std::string helper_;
    const sdk::VmmProcess process_;
};

}  // namespace

sdk::Result<std::unique_ptr<sdk::Vmm>> make_vmm(sdk::Host& host, std::string_view config)
{
    auto helper = configured_helper(config);
    if (!helper)
        return std::move(helper).error();
    return std::unique_ptr<sdk::Vmm>(std::make_unique<NullVmm>(host, std::move(*helper)));
}

}  // namespace banger::null
