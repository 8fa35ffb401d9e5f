// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "passt.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "guest_network.hpp"

namespace banger::user {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

constexpr int tap_descriptor = 3;
constexpr std::chrono::seconds longest_start{30};
constexpr std::chrono::seconds longest_answer{5};
constexpr int socket_buffer_bytes = 1 << 20;

std::vector<std::string> command_line(const std::string& program, const std::string& name)
{
    return {program, "--fd", std::to_string(tap_descriptor), "--quiet", "--ipv4-only",
            // Whose addresses to take. All are given here, so none are taken, and a host without a route will do too;
            // traffic leaves by whatever route the host has when it leaves.
            "--interface", "lo", "--address", guest_network::address, "--netmask", guest_network::prefix_bits,
            "--gateway", guest_network::gateway, "--mac-addr", guest_network::gateway_mac,
            // The gateway is no second name of the host.
            "--no-map-gw", "--dns-forward", guest_network::dns,
            // A guest is told its resolver by us; the host's own would be refused to it.
            "--no-dhcp-dns", "--no-dhcp-search",
            // Unused, as nothing is searched; an argument of ours that shows in the list of processes.
            "--search", name};
}

// What passt printed, without its complaints about a system logger that is not there.
std::string words_of(const std::string& printed)
{
    std::string words;
    for (std::size_t at = 0; at < printed.size();) {
        const auto end = std::min(printed.find('\n', at), printed.size());
        const std::string line = printed.substr(at, end - at);
        if (!line.empty() && !line.starts_with("Failed to send ") && !line.starts_with("Don't run as root"))
            words += (words.empty() ? "" : "; ") + line;
        at = end + 1;
    }
    return words;
}

void enlarge_buffers(int fd)
{
    for (const int option : {SO_SNDBUF, SO_RCVBUF})
        ::setsockopt(fd, SOL_SOCKET, option, &socket_buffer_bytes, sizeof socket_buffer_bytes);
}

std::string arp_request()
{
    const auto address = [](std::uint32_t number) {
        std::string bytes;
        for (const unsigned shift : {24U, 16U, 8U, 0U})
            bytes += static_cast<char>(number >> shift);
        return bytes;
    };
    const std::string our_mac("\x52\x54\x00\x00\x00\x01", 6);
    const std::string frame = std::string(6, '\xff') + our_mac + std::string("\x08\x06", 2) +
                              std::string("\x00\x01\x08\x00\x06\x04\x00\x01", 8) + our_mac +
                              address(guest_network::address_number) + std::string(6, '\0') +
                              address(guest_network::gateway_number);
    return address(static_cast<std::uint32_t>(frame.size())) + frame;
}

}  // namespace

sdk::Result<os::UniqueFd> start_passt(const std::string& program, const std::string& name, sdk::Call& call)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a pair of sockets");
    os::UniqueFd ours(ends[0]);
    const os::UniqueFd theirs(ends[1]);
    enlarge_buffers(ours.get());
    enlarge_buffers(theirs.get());
    os::Command command;
    command.argv = command_line(program, name);
    command.descriptors = {{theirs.get(), tap_descriptor}};
    os::RunLimits limits;
    limits.timeout = longest_start;
    limits.cancel_descriptor = call.cancel_descriptor();
    // It goes to the background once it serves, so the end of what was started is the event to wait for.
    auto output = os::run(std::move(command), {}, limits);
    if (!output && output.error().code == Code::not_found)
        return std::move(output).error().with_hint("install it: apt install passt");
    if (!output)
        return std::move(output).error();
    if (output->status != 0)
        return make_error(Code::unavailable, "passt does not start: " + words_of(output->err),
                          "passt needs user namespaces; see `sysctl kernel.unprivileged_userns_clone`");
    return ours;
}

sdk::Result<void> ask_for_gateway(const os::UniqueFd& passt, sdk::Call& call)
{
    if (auto wrote = os::write_all(passt.get(), arp_request()); !wrote)
        return make_error(Code::unavailable, "passt started and ended again");
    const auto deadline = std::chrono::steady_clock::now() + longest_answer;
    if (auto ready = os::wait_readable(passt.get(), call.cancel_descriptor(), deadline); !ready)
        return std::move(ready).error().while_doing("wait for passt to answer");
    std::array<char, 64> answer{};
    if (::recv(passt.get(), answer.data(), answer.size(), MSG_DONTWAIT) <= 0)
        return make_error(Code::unavailable, "passt started and ended again");
    return {};
}

}  // namespace banger::user
