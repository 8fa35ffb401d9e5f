// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "resolvers.hpp"

#include <sstream>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::tap {

std::vector<Address> resolvers_in(std::string_view resolv_conf)
{
    constexpr Address loopback_network = 127;
    std::vector<Address> resolvers;
    std::istringstream lines{std::string(resolv_conf)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string keyword;
        std::string name;
        if (!(words >> keyword >> name) || keyword != "nameserver")
            continue;
        if (const auto address = address_from_string(name); address && *address >> 24U != loopback_network)
            resolvers.push_back(*address);
    }
    return resolvers;
}

std::vector<Address> resolvers_of_this_host()
{
    for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"})
        if (auto text = sdk::os::read_file(file); text)
            if (auto resolvers = resolvers_in(*text); !resolvers.empty())
                return resolvers;
    return {};
}

std::vector<Address> resolvers_for_guests(Address gateway)
{
    auto resolvers = resolvers_of_this_host();
    return resolvers.empty() ? std::vector{gateway} : resolvers;
}

}  // namespace banger::tap
