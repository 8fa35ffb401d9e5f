// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"

namespace banger::proofs {

/// QMP with its events: what happens at which moment is what this proof is about. Threads: one.
class Monitor {
public:
    /// Test failures if what listens there is no QEMU.
    explicit Monitor(sdk::os::UniqueFd socket);

    /// JSON text of the answer; a test failure if QEMU refuses.
    std::string command(const std::string& name, const std::string& arguments = {});
    /// The same; nothing if QEMU refuses. `descriptor` goes along, if there is one.
    std::optional<std::string> try_command(const std::string& name, const std::string& arguments = {},
                                           int descriptor = -1);
    /// QEMU's own time, in milliseconds, of the first event of this name (and status, unless that is empty) since the
    /// last `forget_events`; waits for it. A test failure, and 0, if it does not come.
    double wait_for(const std::string& event, const std::string& status = {});
    void forget_events() { events_.clear(); }

private:
    struct Event {
        std::string name;
        std::string status;
        double ms = 0;
    };
    std::optional<std::string> read_line();
    bool keep_event(const std::string& line);

    sdk::os::UniqueFd socket_;
    std::string received_;
    std::string refusal_;  ///< QEMU's last
    std::vector<Event> events_;
};

}  // namespace banger::proofs
