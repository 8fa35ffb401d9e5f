// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "guest/agent/uevents.hpp"
#include "guest/protocol/configure_messages.hpp"

namespace banger::agent {

/// Milliseconds since the kernel started (CLOCK_BOOTTIME).
[[nodiscard]] double since_boot_ms();

/// What happened when, since the kernel started.
class Timeline {
public:
    /// Runs `step` and notes how long it took.
    template <typename Step>
    auto measure(const char* name, Step step)
    {
        const Note note(*this, name);
        return step();
    }
    void add(std::string name, double start_ms, double end_ms)
    {
        spans_.push_back({std::move(name), start_ms, end_ms - start_ms});
    }
    [[nodiscard]] const std::vector<GuestSpan>& spans() const { return spans_; }

private:
    struct Note {
        Note(Timeline& timeline, const char* name) : timeline_(timeline), name_(name) {}
        ~Note() { timeline_.add(name_, start_, since_boot_ms()); }
        Timeline& timeline_;
        const char* name_;
        double start_ = since_boot_ms();
    };
    std::vector<GuestSpan> spans_;
};

/// What the agent of a virtual machine knows about its guest. An agent that serves tests on a host has none.
struct GuestState {
    std::string init;       ///< as in GuestFacts; empty until the guest was configured
    pid_t init_pid = 1;     ///< a test's own, in tests
    std::string init_path;  ///< what PID 1 becomes; empty: the minimal init
    std::uint64_t root_bytes = 0;
    sdk::os::UniqueFd to_init;  ///< the pipe on which PID 1 waits for the path of the init to become; empty once told
    Uevents uevents;
    Timeline timeline;
};

}  // namespace banger::agent
