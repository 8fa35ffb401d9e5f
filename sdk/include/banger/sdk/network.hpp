// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

/// What a guest may reach.
enum class Egress {
    none,      ///< nothing
    internet,  ///< the outside; never the host's loopback, and where the provider can filter, no private range
    all,       ///< what the host reaches, except the host's loopback
};

struct LinkSpec {
    Owner owner;
    Egress egress = Egress::internet;
    std::string attachment;  ///< the word core picked from `offers`, such as "link:stream-socket"
};

/// How a VMM reaches the network: an open, tagged vocabulary.
///   "stream-socket"     fields: path (Unix socket; frames with a 32-bit length in network order before each)
///   "tap"               fields: name
///   "descriptor"        fields: number (a descriptor of this process)
///   "user-restricted"   no fields: the VMM's own user network, closed to the outside
///   "none"              no fields: no network device at all
struct Attachment {
    std::string kind;
    Fields fields;
};

/// One network device of a guest, and what the guest must configure on it.
struct Link {
    Attachment attachment;
    std::string mac;                   ///< such as 52:54:00:12:34:56
    std::string address;               ///< CIDR, such as 10.0.2.15/24; empty for none
    std::string gateway;               ///< empty for none
    std::vector<std::string> dns;      ///< resolver addresses as the guest sees them
};

/// network/0: one link per call. The handle's `bound` has the link's address, without the prefix length, if it has one.
/// Crashes: what attach made is found by list and undone by release in any later process.
class Network : public Provider {
public:
    /// Names what attach is about to make; touches nothing. Empty if nothing is needed (egress none).
    [[nodiscard]] virtual Result<std::vector<Handle>> plan(const LinkSpec& spec) = 0;

    /// Makes the link ready for a VMM to open, which somebody waits for: what a guest needs only once it speaks is left to
    /// `connect`. On error nothing is left but what `plan` named. What links share may be made here and there; it is in no list,
    /// and goes with the provider at the latest.
    [[nodiscard]] virtual Result<Attached<Link>> attach(const LinkSpec& spec, Call& call) = 0;

    /// From here on frames pass, as the policy says; before it none need. Asked of every link that was planned, while its
    /// guest boots, which nobody has waited for yet. Done already is success. `not_found` if the link is gone, where that can be
    /// seen. On error `release` undoes what there is.
    [[nodiscard]] virtual Result<void> connect(const Handle& handle, Call& call) = 0;

    /// Undoes attach. Done already is success.
    [[nodiscard]] virtual Result<void> release(const Handle& handle) = 0;

    /// Facts of a link that is present, where the provider knows them: `pids`, the processes that carry it, separated by
    /// blanks; `rx_bytes`, `rx_packets`, `tx_bytes`, `tx_packets`, what the guest received and sent since attach, frames
    /// with their headers; `refused_packets`, what it sent and may not; `connected`, "yes" or "no".
    [[nodiscard]] virtual Result<Inspection> inspect(const Handle& handle) = 0;

    /// Everything of this instance that exists now, found without a journal.
    [[nodiscard]] virtual Result<std::vector<Handle>> list() = 0;
};

/// The hardware address of a VM's one network device, whichever provider it has: 52:54:00, and 24 bits of the FNV-1a
/// hash of "<instance>-<vm>".
[[nodiscard]] std::string mac_of(const Owner& owner);

[[nodiscard]] std::string_view to_string(Egress egress);
[[nodiscard]] std::optional<Egress> egress_from_string(std::string_view text);

}  // namespace banger::sdk
