// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/listening_sockets.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

struct Request {
    nlmsghdr header;
    inet_diag_req_v2 body;
};

template <typename Number>
bool read_hex(std::string_view text, Number& number)
{
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

void take(const nlmsghdr& message, std::vector<ListeningSocket>& into)
{
    if (message.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
        return;
    const auto& found = *static_cast<const inet_diag_msg*>(NLMSG_DATA(&message));
    std::array<char, INET6_ADDRSTRLEN> address{};
    ::inet_ntop(found.idiag_family, &found.id.idiag_src, address.data(), address.size());
    std::string text = address.data();
    // Of one link only: without its interface nobody could connect to it (ipv6(7), sin6_scope_id).
    if (in6_addr v6{}; found.idiag_family == AF_INET6 && found.id.idiag_if != 0) {
        std::memcpy(&v6, &found.id.idiag_src, sizeof v6);
        if (IN6_IS_ADDR_LINKLOCAL(&v6))
            text += "%" + std::to_string(found.id.idiag_if);
    }
    into.push_back({{std::move(text), ntohs(found.id.idiag_sport), 0, {}}, found.idiag_inode});
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

/// "0100007F:1F90": the address as words of four bytes in the order of this machine, and the port.
bool read_place(const std::string& text, Listener& into)
{
    constexpr std::size_t digits_in_word = 8;
    const auto colon = text.find(':');
    if (colon != digits_in_word && colon != 4 * digits_in_word)
        return false;
    std::array<std::uint32_t, 4> words{};
    for (std::size_t i = 0; i < colon / digits_in_word; ++i)
        if (!read_hex(std::string_view(text).substr(i * digits_in_word, digits_in_word), words[i]))
            return false;
    std::array<char, INET6_ADDRSTRLEN> address{};
    ::inet_ntop(colon == digits_in_word ? AF_INET : AF_INET6, words.data(), address.data(), address.size());
    into.address = address.data();
    return read_hex(std::string_view(text).substr(colon + 1), into.port) && into.port != 0;
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
    for (const auto& [family, file] : {std::pair{AF_INET, "/proc/net/tcp"}, {AF_INET6, "/proc/net/tcp6"}}) {
        auto asked = ask(netlink.get(), static_cast<std::uint8_t>(family), sockets);
        if (!asked && asked.error().code != sdk::Code::not_found)
            return std::move(asked.error());
        if (asked)
            continue;
        auto read = listening_sockets_in(small_file(file));  // none where the kernel has no IPv6
        sockets.insert(sockets.end(), read.begin(), read.end());
    }
    return sockets;
}

std::vector<ListeningSocket> listening_sockets_in(const std::string& proc_net_tcp)
{
    std::vector<ListeningSocket> sockets;
    std::istringstream lines(proc_net_tcp);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string slot;
        std::string local;
        std::string remote;
        std::string state;
        std::string skipped;
        words >> slot >> local >> remote >> state;
        for (int i = 0; i < 5; ++i)
            words >> skipped;
        ListeningSocket socket;
        if (words >> socket.inode && state == "0A" && read_place(local, socket.listener))
            sockets.push_back(std::move(socket));
    }
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
