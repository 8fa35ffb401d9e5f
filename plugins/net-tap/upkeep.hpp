// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::tap {

/// A thread that does what nobody should wait for: fills the pool when it is asked to, and looks after the rules when
/// somebody changed the firewall. It begins when it is first needed, and ends with this object, after what it is doing.
///
/// Threads: any.
class Upkeep {
public:
    enum class Looked { nothing_to_do, restored, failed };
    struct Work {
        std::function<void()> fill_pool;
        /// And once at the beginning. Where there was something to do it is not asked again for a while, so that two who undo
        /// each other's work do not do nothing else; where that failed it is asked again, whether or not anybody changes more.
        std::function<Looked()> look_after_rules;
        /// Rules may change and nobody will see it.
        std::function<void(const sdk::Error&)> cannot_watch;
    };
    /// How long after so many failures in a row, 1 and more, it is asked again.
    static constexpr std::chrono::milliseconds again_after(unsigned failures)
    {
        return std::min<std::chrono::milliseconds>(rest * (1U << std::min(failures - 1, 10U)), std::chrono::seconds(30));
    }

    Upkeep(std::string table, Work work) : table_(std::move(table)), work_(std::move(work)) {}
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;
    ~Upkeep();

    /// Has the rules looked after from now on.
    void begin();
    /// Has the pool filled, too, a second after this was last asked for, or five after it was first: who has a tap goes on to
    /// boot a guest, and others may be about to take one.
    void ask_for_taps();

private:
    static constexpr std::chrono::milliseconds rest{200};
    static constexpr std::chrono::seconds before_filling{1};
    static constexpr std::chrono::seconds at_last_before_filling{5};

    void run(const std::stop_token& stop);

    std::string table_;
    Work work_;
    std::mutex mutex_;  ///< of thread_ and asked_
    sdk::os::UniqueFd asked_;
    std::jthread thread_;
};

}  // namespace banger::tap
