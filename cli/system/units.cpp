// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/system/units.hpp"

#include "core/rpc/helper.hpp"

namespace banger::cli {
namespace {

namespace helper = rpc::helper;

constexpr std::string_view owner_key = "SocketUser=";

// Of the socket unit's text, the value of a line.
std::optional<std::string> value_of(std::string_view text, std::string_view key)
{
    const auto at = text.find("\n" + std::string(key));
    if (at == std::string_view::npos)
        return std::nullopt;
    const auto begin = at + 1 + key.size();
    return std::string(text.substr(begin, text.find('\n', begin) - begin));
}

}  // namespace

std::string socket_unit(const std::string& owner)
{
    return "[Unit]\n"
           "Description=The socket of banger's root helper\n"
           "\n"
           "[Socket]\n"
           "ListenStream=" + std::string(helper::socket) + "\n"
           "SocketMode=0600\n" +
           std::string(owner_key) + owner + "\n"
           "RemoveOnStop=yes\n"
           "\n"
           "[Install]\n"
           "WantedBy=sockets.target\n";
}

std::string service_unit(const std::string& owner)
{
    const std::string programs = helper::program_directory;
    const std::string modules = "modprobe@dm_mod.service modprobe@dm_snapshot.service modprobe@loop.service modprobe@tun.service";
    return "[Unit]\n"
           "Description=banger's root helper: disks and network devices of user " + owner + "\n"
           "Requires=" + std::string(helper::unit) + ".socket\n"
           "After=" + std::string(helper::unit) + ".socket " + modules + "\n"
           // Before DeviceAllow, which looks their devices up by name.
           "Wants=" + modules + "\n"
           // The socket starts it when somebody asks, and would not any more after a few deaths in a row.
           "StartLimitIntervalSec=0\n"
           "\n"
           "[Service]\n"
           "ExecStart=" + programs + "/banger-privd --user " + owner + " --plugins " + programs + "/plugins\n"
           "StateDirectory=banger-privd\n"
           "StateDirectoryMode=0700\n"
           "UMask=0077\n"
           // What it logs may quote its user, who is not to choose how loud that is.
           "SyslogLevelPrefix=no\n"
           "LimitNOFILE=4096\n"
           "MemoryMax=256M\n"
           "TasksMax=256\n"
           // Device-mapper and loops; interfaces and firewall; files with the user's rights; device nodes for the user, which
           // the kernel makes.
           "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN CAP_SETUID CAP_SETGID CAP_CHOWN\n"
           "NoNewPrivileges=yes\n"
           "PrivateIPC=yes\n"
           "ProtectSystem=full\n"
           "ProtectClock=yes\n"
           "ProtectControlGroups=yes\n"
           "ProtectHostname=yes\n"
           "ProtectKernelLogs=yes\n"
           "ProtectKernelModules=yes\n"
           "DevicePolicy=closed\n"
           "DeviceAllow=/dev/mapper/control rw\n"
           "DeviceAllow=block-device-mapper rw\n"
           "DeviceAllow=/dev/loop-control rw\n"
           "DeviceAllow=block-loop rw\n"
           "DeviceAllow=/dev/net/tun rw\n"
           // AF_INET is how the kernel is asked for the tables of the older iptables. Nothing is ever sent.
           "RestrictAddressFamilies=AF_UNIX AF_NETLINK AF_INET\n"
           "IPAddressDeny=any\n"
           "RestrictNamespaces=net\n"
           "RestrictRealtime=yes\n"
           "LockPersonality=yes\n"
           "MemoryDenyWriteExecute=yes\n"
           // Without RestrictSUIDSGID, which takes openat2(2) away.
           "SystemCallArchitectures=native\n"
           "SystemCallFilter=@system-service\n"
           "SystemCallErrorNumber=EPERM\n";
}

std::optional<std::string> owner_in(std::string_view socket_unit)
{
    return value_of(socket_unit, owner_key);
}

}  // namespace banger::cli
