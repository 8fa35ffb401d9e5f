// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "packet.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstring>

namespace banger::dns {
namespace {

constexpr std::uint32_t time_to_live = 0;  // not to be cached (RFC 1035, 3.2.1)

ldns_rdf* part_of(ldns_rdf_type type, std::string_view bytes)
{
    return ldns_rdf_new_frm_data(type, bytes.size(), bytes.data());
}

}  // namespace

Packet read_packet(std::string_view bytes)
{
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) != LDNS_STATUS_OK)
        return nullptr;
    return Packet(packet);
}

std::string write_packet(const ldns_pkt& packet)
{
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    const auto status = ldns_pkt2wire(&bytes, &packet, &size);
    const std::unique_ptr<std::uint8_t, decltype(&std::free)> held(bytes, &std::free);
    return status == LDNS_STATUS_OK ? std::string(reinterpret_cast<const char*>(bytes), size) : std::string();
}

std::string canonical(const ldns_rdf& name)
{
    const Name copy(ldns_rdf_clone(&name));
    ldns_dname2canonical(copy.get());
    return {reinterpret_cast<const char*>(ldns_rdf_data(copy.get())), ldns_rdf_size(copy.get())};
}

void add_record(ldns_pkt& packet, ldns_pkt_section section, std::string_view owner, ldns_rr_type type,
                std::initializer_list<Part> data)
{
    ldns_rr* record = ldns_rr_new();
    ldns_rr_set_owner(record, part_of(LDNS_RDF_TYPE_DNAME, owner));
    ldns_rr_set_type(record, type);
    ldns_rr_set_class(record, LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(record, time_to_live);
    for (const auto& part : data)
        ldns_rr_push_rdf(record, part_of(part.type, part.bytes));
    ldns_pkt_push_rr(&packet, section, record);
}

std::string wire_u32(std::uint32_t number)
{
    const std::uint32_t ordered = htonl(number);
    std::array<char, sizeof ordered> bytes{};
    std::memcpy(bytes.data(), &ordered, sizeof ordered);
    return {bytes.data(), bytes.size()};
}

}  // namespace banger::dns
