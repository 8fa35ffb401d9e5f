// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/base/synchronized.hpp"

namespace banger::forward {

/// Whose ports are to be published, and when that is tried: at most one try of a VM counts at any time, and tries that bring
/// nothing come ever more slowly.
/// Threads: any.
class WantedPorts {
public:
    /// Names a try. Of a VM only the newest counts.
    using Turn = std::uint64_t;
    struct Later {
        Turn turn = 0;
        std::chrono::milliseconds pause{0};  ///< until that try
    };

    /// From now on, on this address of the host. The first try is to be made at once.
    Turn want(const std::string& vm, const std::string& address);
    /// No more. Done already is success.
    void forget(const std::string& vm);
    [[nodiscard]] bool counts(const std::string& vm, Turn turn) const;
    /// If this try still counts, it has found the agent: `publish` is run, during which nothing is forgotten, and no other
    /// try counts. `publish` must not come back here.
    void found(const std::string& vm, Turn turn, const std::function<void(const std::string& address)>& publish);
    /// This try has found no agent: when the next one is. Nothing if it does not count any more.
    std::optional<Later> failed(const std::string& vm, Turn turn);
    /// What was found went away: when the next try is. Nothing if no ports are wanted.
    std::optional<Later> lost(const std::string& vm);
    /// Somebody has found the agent: the try that is due later is to be made at once. Nothing if none is due.
    std::optional<Turn> sooner(const std::string& vm);
    /// The agent says what listens: the next loss is the first.
    void heard(const std::string& vm);

private:
    struct Wanted {
        std::string address;
        Turn turn = 0;
        std::chrono::milliseconds pause{0};  ///< before the last try
        bool due_later = false;
    };
    struct State {
        Turn last = 0;  ///< of all VMs: one that is wanted again takes no turn of before for its own
        std::map<std::string, Wanted> wanted;
    };

    static Later next(State& state, Wanted& wanted);

    base::Synchronized<State> state_;
};

}  // namespace banger::forward
