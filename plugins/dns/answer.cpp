// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "answer.hpp"

#include <algorithm>

#include "packet.hpp"

namespace banger::dns {
namespace {

// RFC 1035, 4.1.1.
constexpr std::size_t header_bytes = 12;
constexpr std::size_t flags_at = 2;
constexpr std::size_t additional_at = 10;
constexpr unsigned is_answer = 0x80U;
constexpr std::size_t most_plain_bytes = 512;  // RFC 1035, 4.2.1

// RFC 6891, 6.1.3: the upper bits of BADVERS, which is 16.
constexpr std::uint8_t bad_version = 1;

// Those that RFC 6303, 3, has for zones that are served locally. Nobody transfers ours, and nobody is to keep that a name
// is not there (RFC 2308, 5).
constexpr std::uint32_t refresh = 3600;
constexpr std::uint32_t retry = 1200;
constexpr std::uint32_t expire = 604800;
constexpr std::uint32_t negative_caching = 0;
constexpr std::string_view nobody("\6nobody\7invalid\0", 16);

unsigned byte_at(std::string_view bytes, std::size_t at)
{
    return static_cast<unsigned char>(bytes[at]);
}

/// The one answer to what cannot be read: its header, and that it is malformed.
std::string malformed(std::string_view packet)
{
    constexpr unsigned opcode_and_recursion_desired = 0x79U;
    std::string reply(header_bytes, '\0');
    reply[0] = packet[0];
    reply[1] = packet[1];
    reply[flags_at] = static_cast<char>(is_answer | (byte_at(packet, flags_at) & opcode_and_recursion_desired));
    reply[flags_at + 1] = LDNS_RCODE_FORMERR;
    return reply;
}

class Reply {
public:
    explicit Reply(const ldns_pkt& query) : query_(query), packet_(ldns_pkt_new())
    {
        ldns_pkt_set_id(packet_.get(), ldns_pkt_id(&query));
        ldns_pkt_set_qr(packet_.get(), true);
        ldns_pkt_set_opcode(packet_.get(), ldns_pkt_get_opcode(&query));
        ldns_pkt_set_rd(packet_.get(), ldns_pkt_rd(&query));
        if (const auto* asked = ldns_pkt_question(&query); ldns_rr_list_rr_count(asked) > 0)
            ldns_pkt_push_rr(packet_.get(), LDNS_SECTION_QUESTION, ldns_rr_clone(ldns_rr_list_rr(asked, 0)));
        if (!ldns_pkt_edns(&query))
            return;
        ldns_pkt_set_edns_udp_size(packet_.get(), most_udp_bytes);
        ldns_pkt_set_edns_do(packet_.get(), ldns_pkt_edns_do(&query));  // RFC 3225, 3
    }

    std::string fail(ldns_pkt_rcode code)
    {
        ldns_pkt_set_rcode(packet_.get(), code);
        return write_packet(*packet_);
    }
    std::string fail_for_version()
    {
        ldns_pkt_set_edns_extended_rcode(packet_.get(), bad_version);
        return write_packet(*packet_);
    }

    std::string about(const Found& found, ldns_rr_type type, Transport transport)
    {
        ldns_pkt_set_aa(packet_.get(), true);
        if (found.what == Found::What::nothing)
            ldns_pkt_set_rcode(packet_.get(), LDNS_RCODE_NXDOMAIN);
        else
            add_answers(found, type);
        // Who is told that there is nothing is told whose word that is (RFC 2308, 3).
        if (ldns_pkt_ancount(packet_.get()) == 0)
            add_authority(found, LDNS_SECTION_AUTHORITY, found.zone);
        auto wire = write_packet(*packet_);
        return transport == Transport::udp && wire.size() > room() ? truncated() : wire;
    }

private:
    [[nodiscard]] std::string_view asked_name() const
    {
        const auto* name = ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(&query_), 0));
        return {reinterpret_cast<const char*>(ldns_rdf_data(name)), ldns_rdf_size(name)};
    }

    // The names of answers are written as the question has them.
    void add_answers(const Found& found, ldns_rr_type type)
    {
        const auto wants = [&](ldns_rr_type offered) { return type == offered || type == LDNS_RR_TYPE_ANY; };
        for (const auto& address : found.addresses) {
            const bool is_v4 = address.size() == LDNS_IP4ADDRLEN;
            const auto offered = is_v4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA;
            if (wants(offered))
                add_record(*packet_, LDNS_SECTION_ANSWER, asked_name(), offered,
                           {{is_v4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, address}});
        }
        for (const auto& name : found.pointers)
            if (wants(LDNS_RR_TYPE_PTR))
                add_record(*packet_, LDNS_SECTION_ANSWER, asked_name(), LDNS_RR_TYPE_PTR,
                           {{LDNS_RDF_TYPE_DNAME, name}});
        if (found.apex && wants(LDNS_RR_TYPE_SOA))
            add_authority(found, LDNS_SECTION_ANSWER, asked_name());
        if (found.apex && wants(LDNS_RR_TYPE_NS))
            add_record(*packet_, LDNS_SECTION_ANSWER, asked_name(), LDNS_RR_TYPE_NS,
                       {{LDNS_RDF_TYPE_DNAME, found.zone}});
    }

    void add_authority(const Found& found, ldns_pkt_section section, std::string_view owner)
    {
        add_record(*packet_, section, owner, LDNS_RR_TYPE_SOA,
                   {{LDNS_RDF_TYPE_DNAME, found.zone},
                    {LDNS_RDF_TYPE_DNAME, nobody},
                    {LDNS_RDF_TYPE_INT32, wire_u32(found.serial)},
                    {LDNS_RDF_TYPE_PERIOD, wire_u32(refresh)},
                    {LDNS_RDF_TYPE_PERIOD, wire_u32(retry)},
                    {LDNS_RDF_TYPE_PERIOD, wire_u32(expire)},
                    {LDNS_RDF_TYPE_PERIOD, wire_u32(negative_caching)}});
    }

    [[nodiscard]] std::size_t room() const
    {
        if (!ldns_pkt_edns(&query_))
            return most_plain_bytes;
        return std::clamp<std::size_t>(ldns_pkt_edns_udp_size(&query_), most_plain_bytes, most_udp_bytes);
    }

    /// Ask again over TCP (RFC 2181, 9).
    std::string truncated()
    {
        Reply shorter(query_);
        ldns_pkt_set_aa(shorter.packet_.get(), true);
        ldns_pkt_set_tc(shorter.packet_.get(), true);
        return write_packet(*shorter.packet_);
    }

    const ldns_pkt& query_;
    Packet packet_;
};

}  // namespace

std::string answer(const Zone& zone, std::string_view packet, Transport transport)
{
    // One that is itself an answer would be answered for ever, by another server that is lied to about its sender.
    if (packet.size() < header_bytes || (byte_at(packet, flags_at) & is_answer) != 0)
        return {};
    const Packet query = read_packet(packet);
    if (!query)
        return malformed(packet);
    Reply reply(*query);
    if (ldns_pkt_get_opcode(query.get()) != LDNS_PACKET_QUERY)
        return reply.fail(LDNS_RCODE_NOTIMPL);
    // ldns takes the EDNS record out of the additional ones; two are one too many (RFC 6891, 6.1.1).
    const unsigned additional = byte_at(packet, additional_at) << 8U | byte_at(packet, additional_at + 1);
    if (ldns_pkt_qdcount(query.get()) != 1 || additional > ldns_pkt_arcount(query.get()) + 1U)
        return reply.fail(LDNS_RCODE_FORMERR);
    if (ldns_pkt_edns(query.get()) && ldns_pkt_edns_version(query.get()) > 0)
        return reply.fail_for_version();
    const ldns_rr* asked = ldns_rr_list_rr(ldns_pkt_question(query.get()), 0);
    const auto type = ldns_rr_get_type(asked);
    const bool is_ours = ldns_rr_get_class(asked) == LDNS_RR_CLASS_IN && type != LDNS_RR_TYPE_AXFR &&
                         type != LDNS_RR_TYPE_IXFR;
    if (!is_ours)
        return reply.fail(LDNS_RCODE_REFUSED);
    const Found found = zone.find(canonical(*ldns_rr_owner(asked)));
    if (found.what == Found::What::elsewhere)
        return reply.fail(LDNS_RCODE_REFUSED);
    return reply.about(found, type, transport);
}

}  // namespace banger::dns
