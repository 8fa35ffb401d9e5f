// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/sizes.hpp"
#include "core/doctor/check.hpp"

namespace banger::doctor {
namespace {

template <typename T>
std::string source_of(const config::Value<T>& value)
{
    std::string text(config::to_string(value.origin));
    if (!value.where.empty())
        text += ", " + value.where;
    return text;
}

}  // namespace

// What a VM gets unless told otherwise, and who says so.
std::vector<Finding> check_sizes(lifecycle::Engine& engine, lifecycle::Operation&)
{
    const auto& vm = engine.config.vm_defaults;
    return {{"vcpus", Status::ok, std::to_string(vm.vcpu.value) + " (" + source_of(vm.vcpu) + ")", {}},
            {"memory", Status::ok,
             base::format_size(vm.memory_mib.value << 20U) + " (" + source_of(vm.memory_mib) + ")", {}},
            {"disk", Status::ok, base::format_size(vm.disk_bytes.value) + " (" + source_of(vm.disk_bytes) + ")", {}}};
}

}  // namespace banger::doctor
