// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

struct nl_sock;

namespace banger::tap {

/// What happens to one element of a set of nf_tables, or to all that it has.
struct SetChange {
    enum class Verb { add, take_away, empty };
    enum class Family { inet, netdev };

    Verb verb = Verb::add;
    Family family = Family::inet;
    std::string table;
    std::string set;
    std::string element = {};  ///< as nft(8) writes it
    std::string key = {};      ///< the same, as the kernel has it
};

/// As commands of nft(8).
std::string text_of(const std::vector<SetChange>& changes);

/// The same said to the kernel, without libnftables: that asks for all tables, chains and sets of the host first, which was
/// two fifths of what a link took.
///
/// It stays open, as Nft. Threads: one.
class SetSocket {
public:
    /// Carries out all or none of them.
    sdk::Result<void> run(const std::vector<SetChange>& changes);

private:
    struct Close {
        void operator()(nl_sock* socket) const;
    };
    std::unique_ptr<nl_sock, Close> socket_;
};

}  // namespace banger::tap
