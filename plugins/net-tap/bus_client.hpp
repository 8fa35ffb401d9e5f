// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <memory>
#include <string>

#include "banger/sdk/result.hpp"

namespace banger::tap {

struct UnreferenceMessage {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using BusMessage = std::unique_ptr<sd_bus_message, UnreferenceMessage>;

struct CloseBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
using BusConnection = std::unique_ptr<sd_bus, CloseBus>;

struct BusMethod {
    const char* service;
    const char* path;
    const char* interface;
    const char* member;
};

/// Asks services on a message bus (sd-bus(3)), for one deadline over all that it asks, and until somebody gives up.
/// Threads: one.
class BusClient {
public:
    /// `cancel_descriptor` as sdk::Call has it; -1: nobody can.
    BusClient(BusConnection bus, int cancel_descriptor, std::chrono::milliseconds patience)
        : bus_(std::move(bus)),
          cancel_descriptor_(cancel_descriptor),
          deadline_(std::chrono::steady_clock::now() + patience)
    {
    }

    /// A question without arguments yet.
    sdk::Result<BusMessage> question(const BusMethod& method);
    /// The answer. `timed_out`, `cancelled`, or `unavailable` in the words of who answers; all beginning with `what`.
    sdk::Result<BusMessage> ask(const BusMessage& question, const std::string& what);
    /// Both, with arguments as sd_bus_message_append(3) takes them.
    template <typename... Arguments>
    sdk::Result<BusMessage> call(const BusMethod& method, const std::string& what, const char* types, Arguments... arguments)
    {
        auto made = question(method);
        if (!made)
            return made;
        if (const int error = sd_bus_message_append(made->get(), types, arguments...); error < 0)
            return failure(what, error);
        return ask(*made, what);
    }

    /// `error` is a negative errno, as sd-bus has it.
    static sdk::Error failure(const std::string& what, int error);

private:
    sdk::Result<void> wait(const std::string& what);

    BusConnection bus_;
    int cancel_descriptor_;
    std::chrono::steady_clock::time_point deadline_;
};

}  // namespace banger::tap
