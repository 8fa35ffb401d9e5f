// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/image_facts.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace banger::images {
namespace {

constexpr std::size_t os_release_limit = 64U << 10;

bool any(const Ext4Writer& root, std::initializer_list<std::string_view> paths)
{
    return std::any_of(paths.begin(), paths.end(), [&](auto path) { return root.kind_of(path).has_value(); });
}

// Both spellings of each path: with a merged /usr the short one lies behind a link.
InitKind init_of(const Ext4Writer& root)
{
    if (any(root, {"lib/systemd/systemd", "usr/lib/systemd/systemd"}))
        return InitKind::systemd;
    if (any(root, {"sbin/openrc", "usr/sbin/openrc"}) && any(root, {"sbin/init", "usr/sbin/init"}))
        return InitKind::openrc;
    if (any(root, {"init"}) && any(root, {"etc/s6-overlay", "package/admin/s6-overlay"}))
        return InitKind::s6;
    return InitKind::none;
}

// A value as a shell would read it: in single quotes everything is itself, else a backslash takes the next byte.
std::string unquote(std::string_view text)
{
    std::string value;
    char quote = '\0';
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (quote != '\0' && c == quote)
            quote = '\0';
        else if (c == '\\' && quote != '\'' && at + 1 < text.size())
            value += text[++at];
        else
            value += c;
    }
    return value;
}

std::string value_of(std::string_view os_release, std::string_view key)
{
    std::string value;
    for (std::size_t start = 0; start < os_release.size();) {
        const auto end = std::min(os_release.find('\n', start), os_release.size());
        auto line = os_release.substr(start, end - start);
        start = end + 1;
        if (line.starts_with(key) && line.substr(key.size()).starts_with('='))
            value = unquote(line.substr(key.size() + 1));
    }
    return value;
}

}  // namespace

std::string_view to_string(InitKind kind)
{
    switch (kind) {
        case InitKind::none: return "none";
        case InitKind::systemd: return "systemd";
        case InitKind::openrc: return "openrc";
        case InitKind::s6: return "s6";
    }
    return "none";
}

sdk::Result<ImageFacts> image_facts(Ext4Writer& root)
{
    ImageFacts facts;
    for (const std::string_view path : {"etc/os-release", "usr/lib/os-release"}) {
        auto content = root.read_file(path, os_release_limit);
        if (!content)
            return std::move(content.error());
        if (!*content)
            continue;
        facts.os_id = value_of(**content, "ID");
        facts.os_version = value_of(**content, "VERSION_ID");
        facts.os_pretty_name = value_of(**content, "PRETTY_NAME");
        break;
    }
    if (facts.os_id.empty())
        facts.os_id = "linux";
    facts.init = init_of(root);
    facts.has_sshd = any(root, {"usr/sbin/sshd", "usr/bin/sshd"});
    facts.has_git = any(root, {"usr/bin/git", "bin/git"});
    facts.has_shell = any(root, {"bin/sh", "usr/bin/sh"});
    return facts;
}

}  // namespace banger::images
