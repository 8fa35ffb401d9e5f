// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/listening_sockets.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

struct Request {
    nlmsghdr header;
    inet_diag_req_v2 body;
};

void take(const nlmsghdr& message, std::vector<ListeningSocket>& into)
{
    if (message.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
        return;
    const auto& found = *static_cast<const inet_diag_msg*>(NLMSG_DATA(&message));
    std::array<char, INET6_ADDRSTRLEN> address{};
    ::inet_ntop(found.idiag_family, &found.id.idiag_src, address.data(), address.size());
    into.push_back({{address.data(), ntohs(found.id.idiag_sport), 0, {}}, found.idiag_inode});
}

sdk::Result<void> ask(int netlink, std::uint8_t family, std::vector<ListeningSocket>& into)
{
    Request request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.body.sdiag_family = family;
    request.body.sdiag_protocol = IPPROTO_TCP;
    request.body.idiag_states = 1U << TCP_LISTEN;
    if (::send(netlink, &request, sizeof request, 0) < 0)
        return sdk::os_error("ask for listening sockets");
    alignas(nlmsghdr) std::array<char, 32768> answer{};
    for (;;) {
        const ssize_t got = ::recv(netlink, answer.data(), answer.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return sdk::os_error("read listening sockets");
        auto left = static_cast<unsigned>(got);
        for (const auto* message = reinterpret_cast<const nlmsghdr*>(answer.data()); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE)
                return {};
            if (message->nlmsg_type == NLMSG_ERROR)
                return sdk::os_error("list listening sockets",
                                     -static_cast<const nlmsgerr*>(NLMSG_DATA(message))->error);
            take(*message, into);
        }
    }
}

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

template <typename Number>
bool is_number(const char* text, Number& number)
{
    const std::string_view digits(text);
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size();
}

/// The inode that a descriptor's link names, such as "socket:[4711]" (proc(5)); 0 for anything else.
std::uint32_t socket_inode(const std::string& link)
{
    constexpr std::string_view before = "socket:[";
    std::array<char, 64> target{};
    const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
    const std::string_view text(target.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    std::uint32_t inode = 0;
    if (text.starts_with(before))
        std::from_chars(text.data() + before.size(), text.data() + text.size(), inode);
    return inode;
}

}  // namespace

sdk::Result<std::vector<ListeningSocket>> listening_sockets()
{
    const sdk::os::UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!netlink)
        return sdk::os_error("open a netlink socket for sockets");
    std::vector<ListeningSocket> sockets;
    for (const std::uint8_t family : {AF_INET, AF_INET6})
        // A kernel without IPv6 has no such family.
        if (auto asked = ask(netlink.get(), family, sockets);
            !asked && (family == AF_INET || asked.error().code != sdk::Code::not_found))
            return std::move(asked.error());
    return sockets;
}

void add_processes(std::vector<ListeningSocket>& sockets)
{
    std::map<std::uint32_t, std::vector<Listener*>> wanted;
    for (auto& socket : sockets)
        wanted[socket.inode].push_back(&socket.listener);
    const Directory processes(::opendir("/proc"), &::closedir);
    for (const dirent* entry = nullptr; processes && (entry = ::readdir(processes.get())) != nullptr;) {
        std::int64_t pid = 0;
        if (!is_number(entry->d_name, pid))
            continue;
        const std::string of_process = std::string("/proc/") + entry->d_name;
        const Directory descriptors(::opendir((of_process + "/fd").c_str()), &::closedir);
        for (const dirent* fd = nullptr; descriptors && (fd = ::readdir(descriptors.get())) != nullptr;) {
            const auto found = wanted.find(socket_inode(of_process + "/fd/" + fd->d_name));
            if (found == wanted.end())
                continue;
            auto name = small_file(of_process + "/comm");
            name = name.substr(0, name.find('\n'));
            for (auto* listener : found->second)
                if (listener->pid == 0 || pid < listener->pid) {
                    listener->pid = pid;
                    listener->process = name;
                }
        }
    }
}

}  // namespace banger::agent
