// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/dns.hpp"

namespace banger::sdk::testing {

/// dns/0 that answers nobody: it keeps the names and passes DnsContract.
class FakeDns : public Dns {
public:
    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.facts["zone"] = "vm";
        return probe;
    }

    Result<void> publish(const DnsRecord& record) override
    {
        if (!is_name(record.name))
            return make_error(Code::invalid, "'" + record.name + "' is no name that can be published");
        if (record.addresses.empty())
            return make_error(Code::invalid, "the name " + record.name + " has no address");
        for (const auto& address : record.addresses)
            if (!is_address(address))
                return make_error(Code::invalid, "'" + address + "' is no address for " + record.name);
        const std::lock_guard lock(mutex_);
        names_[lower(record.name)] = record.addresses;
        return {};
    }

    Result<void> withdraw(const std::string& name) override
    {
        const std::lock_guard lock(mutex_);
        names_.erase(lower(name));
        return {};
    }

    Result<std::vector<DnsRecord>> list() override
    {
        const std::lock_guard lock(mutex_);
        std::vector<DnsRecord> records;
        for (const auto& [name, addresses] : names_)
            records.push_back({name, addresses});
        return records;
    }

private:
    static std::string lower(std::string name)
    {
        for (char& c : name)
            if (c >= 'A' && c <= 'Z')
                c = static_cast<char>(c - 'A' + 'a');
        return name;
    }

    /// Labels of letters, digits and inner hyphens, 63 bytes each and 253 together (RFC 1035, 2.3.1 and 2.3.4).
    static bool is_name(const std::string& name)
    {
        const auto plain = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        };
        if (name.size() > 253)
            return false;
        for (std::size_t at = 0; at <= name.size();) {
            const auto end = std::min(name.find('.', at), name.size());
            const std::string label = name.substr(at, end - at);
            if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
                !std::all_of(label.begin(), label.end(), plain))
                return false;
            at = end + 1;
        }
        return true;
    }

    static bool is_address(const std::string& text)
    {
        in6_addr parsed{};
        return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1 || ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
    }

    std::mutex mutex_;
    std::map<std::string, std::vector<std::string>> names_;
};

}  // namespace banger::sdk::testing
