// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/network_names.hpp"

#include <arpa/inet.h>

#include "banger/sdk/dns.hpp"

namespace banger::sdk {

Result<void> check(const NameServer& server)
{
    in6_addr parsed{};
    const char* address = server.address.c_str();
    if (::inet_pton(AF_INET, address, &parsed) != 1 && ::inet_pton(AF_INET6, address, &parsed) != 1)
        return make_error(Code::invalid, "a name server cannot be at '" + server.address + "'");
    if (server.port == 0)
        return make_error(Code::invalid, "a name server has a port");
    if (!is_dns_name(server.zone))
        return make_error(Code::invalid, "'" + server.zone + "' is no domain");
    return {};
}

}  // namespace banger::sdk
