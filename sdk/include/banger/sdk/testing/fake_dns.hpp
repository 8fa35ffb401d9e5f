// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>

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
        probe.facts = {{"address", "127.0.0.1"}, {"port", "42069"}, {"wanted_port", "42069"}, {"zone", "vm"}};
        return probe;
    }

    Result<void> publish(const DnsRecord& record) override
    {
        if (!is_dns_name(record.name))
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

    static bool is_address(const std::string& text)
    {
        in6_addr parsed{};
        return ::inet_pton(AF_INET, text.c_str(), &parsed) == 1 || ::inet_pton(AF_INET6, text.c_str(), &parsed) == 1;
    }

    std::mutex mutex_;
    std::map<std::string, std::vector<std::string>> names_;
};

}  // namespace banger::sdk::testing
