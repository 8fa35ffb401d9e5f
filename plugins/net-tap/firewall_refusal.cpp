// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "firewall_refusal.hpp"

#include <netlink/errno.h>

namespace banger::tap {

sdk::Error firewall_refused(const std::string& doing, const std::string& said, bool by_right)
{
    return sdk::make_error(by_right ? sdk::Code::permission : sdk::Code::unsupported, "cannot " + doing + ": " + said,
                           by_right ? "the firewall is root's: run the daemon as root, or use network 'user'"
                                    : "the kernel needs nf_tables with the families inet and netdev");
}

sdk::Error firewall_refused(const std::string& doing, int status)
{
    return firewall_refused(doing, nl_geterror(status), status == -NLE_PERM);
}

}  // namespace banger::tap
