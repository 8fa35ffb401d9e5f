// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/entry_filter.hpp"

#include <array>

namespace banger::images {
namespace {

constexpr std::array<std::string_view, 5> emptied_directories{"dev/", "proc/", "sys/", "run/", "tmp/"};
constexpr std::string_view host_keys = "etc/ssh/ssh_host_";
constexpr std::string_view machine_id = "etc/machine-id";
constexpr std::string_view dbus_machine_id = "var/lib/dbus/machine-id";  // usually a link to the other

Verdict pristine(std::string_view path, FileKind kind)
{
    for (const auto directory : emptied_directories)
        if (path.starts_with(directory))
            return Verdict::drop;
    if (path.starts_with(host_keys))
        return Verdict::drop;
    if (kind == FileKind::regular && path == dbus_machine_id)
        return Verdict::drop;
    if (kind == FileKind::regular && path == machine_id)
        return Verdict::empty;
    return Verdict::keep;
}

}  // namespace

EntryFilter pristine_root()
{
    return [](std::string_view path, FileKind kind, Metadata&) { return pristine(path, kind); };
}

}  // namespace banger::images
