// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may come as a packet: they get an answer to the same id, no longer than its transport takes, or none.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "answer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger::dns;
    static Zone* const zone = [] {
        auto* made = new Zone("vm");
        if (!made->publish({"web.vm", {"127.86.0.1", "fd00::1"}}) || !made->publish({"a.b.vm", {"127.86.0.2"}}))
            std::abort();
        return made;
    }();
    const std::string_view packet(reinterpret_cast<const char*>(data), size);
    for (const auto transport : {Transport::udp, Transport::tcp}) {
        const auto reply = answer(*zone, packet, transport);
        if (reply.empty())
            continue;
        const bool is_reply = reply.size() >= 12 && reply.substr(0, 2) == packet.substr(0, 2) && (reply[2] & 0x80) != 0;
        if (!is_reply || (transport == Transport::udp && reply.size() > most_udp_bytes))
            std::abort();
    }
    return 0;
}

#include "corpus_main.hpp"
