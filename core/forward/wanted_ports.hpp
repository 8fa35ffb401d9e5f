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

    /// How long the first try that is put off waits; each further one twice as long, up to the longest.
    struct Pauses {
        std::chrono::milliseconds first{250};
        std::chrono::milliseconds longest{15000};
    };

    explicit WantedPorts(Pauses pauses) : pauses_(pauses) {}

    /// From now on, on this address of the host. The first try is to be made at once.
    Turn want(const std::string& vm, const std::string& address);
    /// No more. Done already is success.
    void forget(const std::string& vm);
    [[nodiscard]] bool counts(const std::string& vm, Turn turn) const;
    /// This try is made now. False if it does not count.
    [[nodiscard]] bool begin(const std::string& vm, Turn turn);
    /// The agent answers somebody, or may again: the try that was put off is to be made at once. Nothing if none was.
    std::optional<Turn> hasten(const std::string& vm);
    /// If this try still counts, it has found the agent: `publish` is run, during which nothing is forgotten, and no other
    /// try counts. `publish` must not come back here.
    void found(const std::string& vm, Turn turn, const std::function<void(const std::string& address)>& publish);
    /// This try has found no agent: when the next one is. Nothing if it does not count any more.
    std::optional<Later> failed(const std::string& vm, Turn turn);
    /// What was found went away: when the next try is. Nothing if no ports are wanted.
    std::optional<Later> lost(const std::string& vm);
    /// The agent says what listens: the next loss is the first.
    void heard(const std::string& vm);

private:
    struct Wanted {
        std::string address;
        Turn turn = 0;
        std::chrono::milliseconds pause{0};  ///< before the last try
        bool put_off = false;                ///< that try is still to be made
    };
    struct State {
        Turn last = 0;  ///< of all VMs: one that is wanted again takes no turn of before for its own
        std::map<std::string, Wanted> wanted;
    };

    Later next(State& state, Wanted& wanted) const;

    Pauses pauses_;
    base::Synchronized<State> state_;
};

}  // namespace banger::forward
