// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "traffic.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace banger::user {
namespace {

bool is_number(std::string_view text)
{
    return !text.empty() && text.size() <= 20 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string to_text(const Traffic& traffic)
{
    return "rx_bytes=" + std::to_string(traffic.rx_bytes) + " rx_packets=" + std::to_string(traffic.rx_packets) +
           " tx_bytes=" + std::to_string(traffic.tx_bytes) + " tx_packets=" + std::to_string(traffic.tx_packets) +
           " refused_packets=" + std::to_string(traffic.refused_packets) + "\n";
}

sdk::Fields traffic_facts(std::string_view text)
{
    sdk::Fields facts;
    if (!text.ends_with('\n'))
        return facts;
    text.remove_suffix(1);
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto equals = word.find('=');
        if (equals == std::string_view::npos || !is_number(word.substr(equals + 1)))
            return {};
        facts.emplace(word.substr(0, equals), word.substr(equals + 1));
    }
    return facts;
}

void tell_traffic(int listener, const Traffic& traffic)
{
    const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return;
    const std::string text = to_text(traffic);
    (void)!::send(client, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::close(client);
}

}  // namespace banger::user
