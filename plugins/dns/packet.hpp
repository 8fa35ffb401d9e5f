// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ldns/ldns.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace banger::dns {

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
struct FreeName {
    void operator()(ldns_rdf* name) const { ldns_rdf_deep_free(name); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;
using Name = std::unique_ptr<ldns_rdf, FreeName>;

/// Null for bytes that are no packet.
[[nodiscard]] Packet read_packet(std::string_view bytes);
/// Empty for one that has no wire format.
[[nodiscard]] std::string write_packet(const ldns_pkt& packet);

/// A name in wire format, without compression and in small letters.
[[nodiscard]] std::string canonical(const ldns_rdf& name);

/// A part of a record's data.
struct Part {
    ldns_rdf_type type;
    std::string_view bytes;  ///< in wire format
};

/// Adds a record of class IN that nobody is to keep: what it says may change at any moment.
void add_record(ldns_pkt& packet, ldns_pkt_section section, std::string_view owner, ldns_rr_type type,
                std::initializer_list<Part> data);

/// Numbers in wire format.
[[nodiscard]] std::string wire_u32(std::uint32_t number);

}  // namespace banger::dns
