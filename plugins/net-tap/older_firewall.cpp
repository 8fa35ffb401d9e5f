// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "older_firewall.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/netfilter_ipv4/ip_tables.h>  // after netinet/in.h, whose types it then leaves alone (linux/libc-compat.h)

#include <cstring>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"

namespace banger::tap {
namespace {

namespace os = sdk::os;

constexpr const char* table = "filter";

bool is_loaded()
{
    const os::OwnRights rights;  // it is root's alone to read
    const auto names = os::read_file("/proc/net/ip_tables_names");
    return names && ("\n" + *names).find("\n" + std::string(table) + "\n") != std::string::npos;
}

}  // namespace

bool is_policy_that_drops(std::span<const std::byte> entries, std::uint32_t offset)
{
    ipt_entry entry{};
    xt_standard_target target{};
    if (offset > entries.size() || entries.size() - offset < sizeof entry)
        return false;
    std::memcpy(&entry, entries.data() + offset, sizeof entry);
    const std::size_t at = offset + entry.target_offset;
    if (at > entries.size() || entries.size() - at < sizeof target)
        return false;
    std::memcpy(&target, entries.data() + at, sizeof target);
    constexpr int drops = -NF_DROP - 1;  // how a verdict is written down there
    return target.target.u.user.name[0] == '\0' && target.verdict == drops;
}

std::optional<std::string> older_chain_that_drops()
{
    if (!is_loaded())
        return std::nullopt;
    // Any will do, and this one needs no right of its own.
    const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ipt_getinfo info{};
    std::strcpy(info.name, table);
    socklen_t length = sizeof info;
    if (!socket || ::getsockopt(socket.get(), IPPROTO_IP, IPT_SO_GET_INFO, &info, &length) != 0)
        return std::nullopt;
    constexpr std::size_t head = offsetof(ipt_get_entries, entrytable);
    std::vector<std::byte> answer(head + info.size);
    auto* asked = reinterpret_cast<ipt_get_entries*>(answer.data());
    std::strcpy(asked->name, table);
    asked->size = info.size;
    length = static_cast<socklen_t>(answer.size());
    if (::getsockopt(socket.get(), IPPROTO_IP, IPT_SO_GET_ENTRIES, asked, &length) != 0)
        return std::nullopt;
    if (!is_policy_that_drops(std::span(answer).subspan(head), info.underflow[NF_INET_FORWARD]))
        return std::nullopt;
    return "ip filter FORWARD of the older iptables";
}

}  // namespace banger::tap
