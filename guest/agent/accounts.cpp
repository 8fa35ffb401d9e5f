// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/accounts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace banger::agent {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

std::optional<std::uint32_t> number_of(std::string_view text)
{
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    // The highest value means "no change" to chown and setresuid, never an account.
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || number == UINT32_MAX)
        return std::nullopt;
    return number;
}

/// name:password:uid:gid:comment:home:shell
std::optional<Account> look_up(std::string_view passwd, std::string_view name, std::optional<std::uint32_t> uid)
{
    for (const auto line : split(passwd, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 7)
            continue;
        const auto line_uid = number_of(fields[2]);
        const auto line_gid = number_of(fields[3]);
        if (!line_uid || !line_gid || (uid ? *line_uid != *uid : fields[0] != name))
            continue;
        Account account{std::string(fields[0]), *line_uid, *line_gid, std::string(fields[5]),
                        std::string(fields[6]), {}};
        if (account.home.empty())
            account.home = "/";
        if (account.shell.empty())
            account.shell = "/bin/sh";
        return account;
    }
    return std::nullopt;
}

/// name:password:gid:member,member
std::optional<std::uint32_t> group_named(std::string_view group, std::string_view name)
{
    for (const auto line : split(group, '\n'))
        if (const auto fields = split(line, ':'); fields.size() >= 3 && fields[0] == name && !name.empty())
            return number_of(fields[2]);
    return std::nullopt;
}

std::vector<gid_t> groups_of(std::string_view group, const Account& account)
{
    std::vector<gid_t> groups{account.gid};
    for (const auto line : split(group, '\n')) {
        const auto fields = split(line, ':');
        if (fields.size() < 4 || account.name.empty())
            continue;
        const auto gid = number_of(fields[2]);
        const auto members = split(fields[3], ',');
        if (gid && *gid != account.gid && std::find(members.begin(), members.end(), account.name) != members.end())
            groups.push_back(*gid);
    }
    return groups;
}

}  // namespace

sdk::Result<Account> find_account(std::string_view user, std::string_view passwd, std::string_view group)
{
    const auto parts = split(user.empty() ? std::string_view("0") : user, ':');
    const auto uid = number_of(parts[0]);
    auto account = look_up(passwd, parts[0], uid);
    if (!account && !uid)
        return sdk::make_error(sdk::Code::not_found, "the guest has no user '" + std::string(parts[0]) + "'",
                               "name a user from the guest's /etc/passwd, or a number");
    if (!account) {
        account = Account{{}, *uid, *uid, "/", "/bin/sh", {}};
        if (*uid == 0) {
            // An image without an /etc/passwd still has a root.
            account->name = "root";
            account->home = "/root";
        }
    }
    if (parts.size() > 2)
        return sdk::make_error(sdk::Code::invalid, "'" + std::string(user) + "' is not a user or uid:gid");
    if (parts.size() == 2) {
        const auto number = number_of(parts[1]);
        const auto gid = number ? number : group_named(group, parts[1]);
        if (!gid)
            return sdk::make_error(sdk::Code::invalid, "'" + std::string(user) + "' is not a user or uid:gid");
        account->gid = *gid;
    }
    account->groups = groups_of(group, *account);
    return *account;
}

}  // namespace banger::agent
