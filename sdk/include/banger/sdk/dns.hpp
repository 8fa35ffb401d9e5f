// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

struct DnsRecord {
    std::string name;                    ///< fully qualified, without the final dot, such as web.vm
    std::vector<std::string> addresses;  ///< IPv4 or IPv6 text
};

/// dns/0: names that resolve, below the `zone` that its probe's facts name. The provider owns its socket and thread.
/// Crashes: names live as long as the provider; the next daemon publishes them again.
class Dns : public Provider {
public:
    /// Adds the name or replaces what it stood for. `invalid` for a name or address that is none.
    [[nodiscard]] virtual Result<void> publish(const DnsRecord& record) = 0;
    /// Done already is success.
    [[nodiscard]] virtual Result<void> withdraw(const std::string& name) = 0;
    [[nodiscard]] virtual Result<std::vector<DnsRecord>> list() = 0;
};

/// Labels of letters, digits and inner hyphens, 63 bytes each and 253 together (RFC 1035, 2.3.1 and 2.3.4); no final dot.
[[nodiscard]] bool is_dns_name(std::string_view name);

}  // namespace banger::sdk
