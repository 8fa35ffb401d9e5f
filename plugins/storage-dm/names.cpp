// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "names.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace banger::dm {
namespace {

constexpr std::string_view ours = "banger-";
constexpr std::size_t vm_digits = 12;  // sdk::Owner::vm

std::string prefix_of(std::string_view instance)
{
    return std::string(ours) + std::string(instance) + "-";
}

std::string hex(std::uint64_t number)
{
    std::array<char, 16> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr;
    return {text.data(), end};
}

std::string in_hex(const FileId& file)
{
    return hex(file.device) + "-" + hex(file.inode);
}

bool is_vm(std::string_view text)
{
    return text.size() == vm_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string disk_name(std::string_view instance, std::string_view vm, std::string_view role)
{
    return prefix_of(instance) + std::string(vm) + "-" + std::string(role);
}

std::string layer_name(std::string_view instance, const FileId& layer)
{
    return prefix_of(instance) + "layer-" + in_hex(layer);
}

std::string longer_name(std::string_view instance, const FileId& layer, std::uint64_t sectors)
{
    return prefix_of(instance) + "longer-" + in_hex(layer) + "-" + std::to_string(sectors);
}

std::string probe_name(std::string_view instance)
{
    return prefix_of(instance) + "probe";
}

std::string uuid_of(std::string_view name)
{
    return "BANGER-" + std::string(name.substr(std::min(name.size(), ours.size())));
}

std::optional<DiskName> parse_disk_name(std::string_view instance, std::string_view name)
{
    const std::string prefix = prefix_of(instance);
    if (!name.starts_with(prefix))
        return std::nullopt;
    name.remove_prefix(prefix.size());
    if (name.size() < vm_digits + 2 || !is_vm(name.substr(0, vm_digits)) || name[vm_digits] != '-')
        return std::nullopt;
    return DiskName{std::string(name.substr(0, vm_digits)), std::string(name.substr(vm_digits + 1))};
}

bool is_shared_name(std::string_view instance, std::string_view name)
{
    const std::string prefix = prefix_of(instance);
    return name.starts_with(prefix + "layer-") || name.starts_with(prefix + "longer-");
}

}  // namespace banger::dm
