// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/each_vm.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/text.hpp"
#include "core/base/sizes.hpp"

namespace banger::cli {
namespace {

std::string what_it_has(const json::Value& vm)
{
    const auto vcpus = json::uint_or(vm, "vcpus");
    return "has " + std::to_string(vcpus) + (vcpus == 1 ? " CPU, " : " CPUs, ") +
           base::format_size(json::uint_or(vm, "memory_mib") << 20U) + " memory and " +
           base::format_size(json::uint_or(vm, "disk_bytes")) + " disk at its next start";
}

}  // namespace

Syntax VmSet::syntax()
{
    Syntax syntax;
    syntax.path = "vm set";
    syntax.summary = "change what stopped machines have";
    syntax.description =
        "A disk only grows; the root file system is as long at the next start. At least one of the options is needed.";
    syntax.operands = {{"VM", Operand::Count::at_least_one}};
    syntax.options = {{"vcpu", 0, "COUNT", "how many CPUs", {}, false},
                      {"memory", 0, "MIB", "memory in MiB, or a size such as 2G", {}, false},
                      {"disk", 0, "SIZE", "length of its root file system, such as 20G; only more", {}, false}};
    syntax.examples = {{"banger vm set web --memory 4G --vcpu 4", "more of both"},
                       {"banger vm stop web && banger vm set web --disk 40G && banger vm start web",
                        "a longer disk for one that runs"}};
    return syntax;
}

sdk::Result<VmSet> VmSet::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    auto spec = parse_spec(arguments);
    if (!spec)
        return std::move(spec).error();
    if (!spec->vcpus && !spec->memory_mib && !spec->disk_bytes)
        return sdk::make_error(sdk::Code::invalid, "`banger vm set` needs something to change",
                               "give --vcpu, --memory or --disk, such as: banger vm set " + printable(vms->front()) +
                                   " --memory 4G");
    return VmSet{std::move(*vms), spec->vcpus, spec->memory_mib, spec->disk_bytes};
}

sdk::Result<Exit> run(const VmSet& verb, Context& context)
{
    const auto add_changes = [&](json::Object& params) {
        if (verb.vcpus)
            params.set("vcpus", *verb.vcpus);
        if (verb.memory_mib)
            params.set("memory_mib", *verb.memory_mib);
        if (verb.disk_bytes)
            params.set("disk_bytes", *verb.disk_bytes);
    };
    return for_each_vm(context, verb.vms, {"vm.set", add_changes, what_it_has, nullptr});
}

}  // namespace banger::cli
