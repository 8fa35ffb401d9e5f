// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "banger/sdk/dns.hpp"

namespace banger::dns {

/// An address as it is in a record: 4 bytes of A (RFC 1035, 3.4.1) or 16 of AAAA (RFC 3596, 2.2), in network order.
using AddressBytes = std::string;

/// What there is at a name.
struct Found {
    enum class What {
        elsewhere,  ///< in no zone of ours
        nothing,    ///< no such name in our zone
        name,       ///< it exists; addresses, pointers and whether it is a zone's apex say as what
    };
    What what = What::elsewhere;
    std::vector<AddressBytes> addresses;
    std::vector<std::string> pointers;  ///< names in wire format
    bool apex = false;
    std::string zone;          ///< the apex that the name is below, in wire format
    std::uint32_t serial = 0;  ///< of that zone
};

/// The names that are published, and what stands for them. A name also stands for all that is below it, as a wildcard
/// does (RFC 4592). Each address is a zone of its own for the reverse, which so never answers for an address of somebody
/// else.
/// Threads: any.
class Zone {
public:
    /// `name` is_dns_name.
    explicit Zone(const std::string& name);

    /// As sdk::Dns has it; `invalid` also for a name that is not below the zone.
    sdk::Result<void> publish(const sdk::DnsRecord& record);
    void withdraw(const std::string& name);
    [[nodiscard]] std::vector<sdk::DnsRecord> list() const;

    /// `name` in wire format, without compression and in small letters.
    [[nodiscard]] Found find(std::string_view name) const;

    /// Grows with each change (RFC 1982).
    [[nodiscard]] std::uint32_t serial() const { return serial_; }

private:
    struct Node {
        std::vector<AddressBytes> addresses;  ///< empty: only names below it are published
        std::size_t below = 0;                ///< published names below it
    };
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    template <typename T>
    using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

    void remove(const std::string& name);
    void find_reverse(std::string_view name, Found& found) const;

    std::string apex_;  ///< in wire format
    std::string suffix_;  ///< ".vm"
    mutable std::shared_mutex mutex_;
    std::atomic<std::uint32_t> serial_;
    std::map<std::string, std::vector<std::string>> records_;  ///< as published, by the name in small letters
    ByName<Node> nodes_;                                       ///< by wire format; the apex is not among them
    ByName<std::set<std::string>> reverse_;                    ///< names in wire format by that of in-addr.arpa or ip6.arpa
};

}  // namespace banger::dns
