// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "qmp.hpp"

namespace banger::proofs {

/// QMP for a test, with all that happened since: what happens at which moment is what this proof is about. Threads:
/// one.
class Monitor {
public:
    /// Test failures if what listens there is no QEMU.
    explicit Monitor(sdk::os::UniqueFd socket);

    /// JSON text of the answer; a test failure if QEMU refuses.
    std::string command(const std::string& name, const std::string& arguments = {});
    /// Whether QEMU takes the command.
    bool accepts(const std::string& name);
    /// Gives it a descriptor under a name; a test failure if it refuses.
    void give(int descriptor, const std::string& name);
    /// QEMU's own time, in milliseconds, of the first event of this name (and status, unless that is empty) since the
    /// last `forget_events`; waits for it. A test failure, and 0, if it does not come.
    double wait_for(const std::string& event, const std::string& status = {});
    void forget_events();

private:
    std::optional<qemu::Qmp> qmp_;
    std::vector<qemu::QmpEvent> events_;
};

}  // namespace banger::proofs
