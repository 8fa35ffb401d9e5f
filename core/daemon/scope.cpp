// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/scope.hpp"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/doctor/control_group.hpp"

namespace banger::daemon {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds patience = std::chrono::seconds(5);

constexpr const char* manager_name = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

struct BusCloser {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, BusCloser>;

struct MessageCloser {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageCloser>;

/// A job of the manager, and what became of it: "done", or another of systemd's words once it has ended.
struct Job {
    std::string path;
    std::string result;
};

sdk::Error refused(const std::string& what, int error, const sd_bus_error* said = nullptr)
{
    if (said != nullptr && said->message != nullptr)
        return sdk::make_error(sdk::Code::unavailable, what + ": " + said->message);
    sdk::Error failure = sdk::os_error(what, -error);
    failure.code = sdk::Code::unavailable;
    return failure;
}

sdk::Result<Bus> connect()
{
    sd_bus* opened = nullptr;
    const int error = ::geteuid() == 0 ? sd_bus_open_system(&opened) : sd_bus_open_user(&opened);
    if (error < 0)
        return refused("reach the service manager", error);
    Bus bus(opened);
    (void)sd_bus_set_method_call_timeout(bus.get(), patience.count());
    return bus;
}

int note_removed_job(sd_bus_message* message, void* context, sd_bus_error* /*error*/)
{
    auto& job = *static_cast<Job*>(context);
    const char* path = nullptr;
    const char* result = nullptr;
    if (sd_bus_message_read(message, "uoss", nullptr, &path, nullptr, &result) >= 0 && job.path == path)
        job.result = result;
    return 0;
}

sdk::Result<std::string> start_scope(sd_bus* bus, const std::string& purpose)
{
    const std::string name = purpose + "-" + std::to_string(::getpid()) + ".scope";
    sd_bus_error error = SD_BUS_ERROR_NULL;
    sd_bus_message* raw = nullptr;
    // CollectMode: a scope that failed is forgotten as well.
    const int called = sd_bus_call_method(
        bus, manager_name, manager_path, manager_interface, "StartTransientUnit", &error, &raw, "ssa(sv)a(sa(sv))",
        name.c_str(), "fail", 3, "Description", "s", (purpose + " and its machines").c_str(), "PIDs", "au", 1,
        static_cast<unsigned>(::getpid()), "CollectMode", "s", "inactive-or-failed", 0);
    const Message reply(raw);
    auto failure = called < 0 ? std::optional(refused("make the scope " + name, called, &error)) : std::nullopt;
    sd_bus_error_free(&error);
    if (failure)
        return std::move(*failure);
    const char* path = nullptr;
    if (const int read = sd_bus_message_read(reply.get(), "o", &path); read < 0)
        return refused("make the scope " + name, read);
    return std::string(path);
}

// The signal may already have come while the call's answer was awaited: it waits in the connection's queue until now.
sdk::Result<void> wait_for(sd_bus* bus, Job& job)
{
    const auto until = Clock::now() + patience;
    while (job.result.empty()) {
        const int processed = sd_bus_process(bus, nullptr);
        if (processed < 0)
            return refused("wait for the scope", processed);
        const auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - Clock::now());
        if (left.count() <= 0)
            return refused("wait for the scope", -ETIMEDOUT);
        if (processed == 0)
            (void)sd_bus_wait(bus, static_cast<uint64_t>(left.count()));
    }
    if (job.result != "done")
        return sdk::make_error(sdk::Code::unavailable, "the service manager did not make the scope: " + job.result);
    return {};
}

}  // namespace

sdk::Result<void> leave_service(const std::string& purpose)
{
    auto groups = sdk::os::read_file("/proc/self/cgroup", 65536);
    if (!groups || !doctor::service_in(*groups))
        return {};
    auto bus = connect();
    if (!bus)
        return std::move(bus).error();
    Job job;
    if (const int error = sd_bus_match_signal(bus->get(), nullptr, manager_name, manager_path, manager_interface,
                                              "JobRemoved", note_removed_job, &job);
        error < 0)
        return refused("listen to the service manager", error);
    auto path = start_scope(bus->get(), purpose);
    if (!path)
        return std::move(path).error();
    job.path = *path;
    return wait_for(bus->get(), job);
}

}  // namespace banger::daemon
