// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "zone.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <mutex>
#include <optional>

namespace banger::dns {
namespace {

std::string lower(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// A name that is_dns_name, as a packet has it: each label behind its length, and an empty one last (RFC 1035, 3.1).
std::string wire_format(const std::string& name)
{
    std::string wire;
    for (std::size_t at = 0; at <= name.size();) {
        const auto end = std::min(name.find('.', at), name.size());
        wire += static_cast<char>(end - at);
        wire.append(name, at, end - at);
        at = end + 1;
    }
    return wire + '\0';
}

/// The name above; empty for the root. Bytes that are no name give some other, and never more bytes.
std::string_view parent_of(std::string_view name)
{
    const std::size_t label = name.empty() ? 0 : static_cast<unsigned char>(name.front());
    return label == 0 || label + 1 >= name.size() ? std::string_view() : name.substr(label + 1);
}

/// Whether a name is an apex or below it.
bool is_within(std::string_view name, std::string_view apex)
{
    while (name.size() > apex.size())
        name = parent_of(name);
    return name == apex;
}

std::optional<AddressBytes> address_bytes(const std::string& text)
{
    std::array<char, sizeof(in6_addr)> bytes{};
    if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1)
        return AddressBytes(bytes.data(), sizeof(in_addr));
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1)
        return AddressBytes(bytes.data(), sizeof(in6_addr));
    return std::nullopt;
}

/// Under which name an address is looked up: RFC 1035, 3.5, and RFC 3596, 2.5.
std::string reverse_name(const AddressBytes& address)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name;
    for (auto at = address.rbegin(); at != address.rend(); ++at) {
        const unsigned byte = static_cast<unsigned char>(*at);
        if (address.size() == sizeof(in_addr))
            name += std::to_string(byte) + ".";
        else
            for (const auto digit : {byte & 15U, byte >> 4U})
                name += {digits[digit], '.'};
    }
    return wire_format(name + (address.size() == sizeof(in_addr) ? "in-addr.arpa" : "ip6.arpa"));
}

}  // namespace

// The serial goes on from there with every change, also over restarts, unless there is more than one a second.
Zone::Zone(const std::string& name)
    : apex_(wire_format(lower(name))),
      suffix_("." + lower(name)),
      serial_(static_cast<std::uint32_t>(::time(nullptr)))
{
}

sdk::Result<void> Zone::publish(const sdk::DnsRecord& record)
{
    const std::string name = lower(record.name);
    if (!sdk::is_dns_name(name))
        return sdk::make_error(sdk::Code::invalid, "'" + record.name + "' is no name that can be published");
    if (!name.ends_with(suffix_))
        return sdk::make_error(sdk::Code::invalid, "the name " + name + " is not below " + suffix_.substr(1));
    if (record.addresses.empty())
        return sdk::make_error(sdk::Code::invalid, "the name " + name + " has no address");
    std::vector<AddressBytes> addresses;
    for (const auto& text : record.addresses) {
        auto bytes = address_bytes(text);
        if (!bytes)
            return sdk::make_error(sdk::Code::invalid, "'" + text + "' is no address for " + name);
        addresses.push_back(std::move(*bytes));
    }
    const std::lock_guard lock(mutex_);
    remove(name);
    records_[name] = record.addresses;
    const std::string wire = wire_format(name);
    for (const auto& address : addresses)
        reverse_[reverse_name(address)].insert(wire);
    nodes_[wire].addresses = std::move(addresses);
    for (auto above = parent_of(wire); above.size() > apex_.size(); above = parent_of(above))
        ++nodes_[std::string(above)].below;
    ++serial_;
    return {};
}

void Zone::withdraw(const std::string& name)
{
    const std::lock_guard lock(mutex_);
    remove(lower(name));
}

void Zone::remove(const std::string& name)
{
    if (records_.erase(name) == 0)
        return;
    ++serial_;
    const std::string wire = wire_format(name);
    const auto node = nodes_.find(wire);
    for (const auto& address : node->second.addresses) {
        const auto names = reverse_.find(reverse_name(address));
        if (names == reverse_.end())
            continue;  // the same address twice
        names->second.erase(wire);
        if (names->second.empty())
            reverse_.erase(names);
    }
    node->second.addresses.clear();
    if (node->second.below == 0)
        nodes_.erase(node);
    for (auto above = parent_of(wire); above.size() > apex_.size(); above = parent_of(above)) {
        const auto parent = nodes_.find(above);
        if (--parent->second.below == 0 && parent->second.addresses.empty())
            nodes_.erase(parent);
    }
}

std::vector<sdk::DnsRecord> Zone::list() const
{
    const std::shared_lock lock(mutex_);
    std::vector<sdk::DnsRecord> records;
    for (const auto& [name, addresses] : records_)
        records.push_back({name, addresses});
    return records;
}

Found Zone::find(std::string_view name) const
{
    Found found;
    const std::shared_lock lock(mutex_);
    found.serial = serial_;
    if (!is_within(name, apex_)) {
        find_reverse(name, found);
        return found;
    }
    found.zone = apex_;
    found.apex = name == apex_;
    found.what = Found::What::name;
    if (found.apex)
        return found;
    if (const auto node = nodes_.find(name); node != nodes_.end()) {
        found.addresses = node->second.addresses;
        return found;
    }
    // The closest name above that exists stands for what is below it, if it is published (RFC 4592, 3.3.1).
    for (auto above = parent_of(name); above.size() > apex_.size(); above = parent_of(above))
        if (const auto node = nodes_.find(above); node != nodes_.end()) {
            found.addresses = node->second.addresses;
            break;
        }
    if (found.addresses.empty())
        found.what = Found::What::nothing;
    return found;
}

void Zone::find_reverse(std::string_view name, Found& found) const
{
    for (auto above = name; !above.empty(); above = parent_of(above)) {
        const auto names = reverse_.find(above);
        if (names == reverse_.end())
            continue;
        found.zone = names->first;
        found.apex = above.size() == name.size();
        found.what = found.apex ? Found::What::name : Found::What::nothing;
        if (found.apex)
            found.pointers.assign(names->second.begin(), names->second.end());
        return;
    }
}

}  // namespace banger::dns
