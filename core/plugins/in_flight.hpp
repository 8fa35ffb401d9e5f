// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::plugins {

/// A plugin call during which an earlier process died of a fault of the very thread that made the call.
struct Crash {
    std::string plugin;
    std::string call;
    int signal = 0;
    std::int64_t when_ns = 0;  ///< CLOCK_REALTIME
};

/// The calls into plugins that run now, in a small file that outlives the process.
///
/// The file is mapped, so noting a call is a few stores to memory. When a thread dies of SIGSEGV, SIGBUS, SIGILL,
/// SIGFPE or SIGABRT, a handler marks the call that this thread is in before the signal takes its usual course. So a
/// process that was killed from outside leaves no mark, and no innocent plugin is blamed for its neighbour. A fault on
/// a thread that the plugin started itself is not seen.
///
/// Threads: any. One process at a time may have the file (the daemon's lock sees to that).
class InFlight {
public:
    struct Opened;

    /// Reads what an earlier process left, empties the file and installs the handlers.
    [[nodiscard]] static sdk::Result<Opened> open(const std::string& path);

    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    ~InFlight();

    /// This thread is in a call from construction to destruction. Not nested. With too many calls at once the rest
    /// simply goes unnoted.
    class Note {
    public:
        Note(InFlight* record, std::string_view plugin, std::string_view call);
        Note(const Note&) = delete;
        Note& operator=(const Note&) = delete;
        ~Note();

    private:
        void* slot_ = nullptr;
    };

private:
    struct Table;
    explicit InFlight(Table* table) : table_(table) {}
    Table* table_;
};

struct InFlight::Opened {
    std::shared_ptr<InFlight> record;
    std::vector<Crash> crashes;
};

}  // namespace banger::plugins
