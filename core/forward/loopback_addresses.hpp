// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "core/base/loopback_range.hpp"
#include "core/base/synchronized.hpp"

namespace banger::forward {

/// A loopback address for each VM that runs, which nobody else on this host takes: not another VM, and no VM of another
/// installation or user. Which one it is is derived from the VM, and the same as long as nobody has that already.
///
/// The claim is a socket with an abstract name that has the address in it (unix(7)); such names are of a network namespace,
/// as addresses are, and go with the process, however that ends.
/// Threads: any.
class LoopbackAddresses {
public:
    LoopbackAddresses(base::LoopbackRange range, std::string instance) : range_(range), instance_(std::move(instance)) {}

    /// The VM's address, claimed now or before. `unavailable` if all are taken.
    sdk::Result<std::string> claim(const std::string& vm);
    /// Done already is success.
    void release(const std::string& vm);
    [[nodiscard]] std::optional<std::string> address_of(const std::string& vm) const;

private:
    struct Claim {
        std::string address;
        sdk::os::UniqueFd held;
    };

    base::LoopbackRange range_;
    std::string instance_;
    base::Synchronized<std::map<std::string, Claim>> claims_;
};

}  // namespace banger::forward
