// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/units/service_manager.hpp"

#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

namespace banger::units {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::microseconds patience = std::chrono::seconds(5);

constexpr const char* manager_name = "org.freedesktop.systemd1";
constexpr const char* manager_path = "/org/freedesktop/systemd1";
constexpr const char* manager_interface = "org.freedesktop.systemd1.Manager";

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

int note_removed_job(sd_bus_message* message, void* context, sd_bus_error* /*error*/)
{
    auto& job = *static_cast<Job*>(context);
    const char* path = nullptr;
    const char* result = nullptr;
    if (sd_bus_message_read(message, "uoss", nullptr, &path, nullptr, &result) >= 0 && job.path == path)
        job.result = result;
    return 0;
}

/// The call StartTransientUnit, as it is put together. One thing that does not go into it is remembered, and said by `call`.
class UnitCall {
public:
    UnitCall(sd_bus* bus, std::string name) : bus_(bus), name_(std::move(name))
    {
        sd_bus_message* raw = nullptr;
        note(sd_bus_message_new_method_call(bus, &raw, manager_name, manager_path, manager_interface,
                                            "StartTransientUnit"));
        message_.reset(raw);
        if (raw == nullptr)
            return;
        note(sd_bus_message_append(raw, "ss", name_.c_str(), "fail"));
        note(sd_bus_message_open_container(raw, 'a', "(sv)"));
    }

    template <typename... Values>
    UnitCall& set(const char* property, const char* type, Values... values)
    {
        if (message_)
            note(sd_bus_message_append(message_.get(), "(sv)", property, type, values...));
        return *this;
    }

    /// A property whose value `add` puts in.
    template <typename Add>
    UnitCall& set_each(const char* property, const char* type, Add add)
    {
        if (!message_)
            return *this;
        sd_bus_message* const message = message_.get();
        note(sd_bus_message_open_container(message, 'r', "sv"));
        note(sd_bus_message_append(message, "s", property));
        note(sd_bus_message_open_container(message, 'v', type));
        add(message);
        note(sd_bus_message_close_container(message));
        note(sd_bus_message_close_container(message));
        return *this;
    }
    void note(int result)
    {
        if (result < 0 && error_ == 0)
            error_ = result;
    }

    /// The path of the job.
    sdk::Result<std::string> call()
    {
        const std::string what = "make the unit " + name_;
        if (message_) {
            note(sd_bus_message_close_container(message_.get()));
            note(sd_bus_message_append(message_.get(), "a(sa(sv))", 0));
        }
        if (error_ < 0)
            return refused(what, error_);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message* raw = nullptr;
        const int called = sd_bus_call(bus_, message_.get(), 0, &error, &raw);
        const Message reply(raw);
        auto failure = called < 0 ? std::optional(refused(what, called, &error)) : std::nullopt;
        sd_bus_error_free(&error);
        if (failure)
            return std::move(*failure);
        const char* path = nullptr;
        if (const int read = sd_bus_message_read(reply.get(), "o", &path); read < 0)
            return refused(what, read);
        return std::string(path);
    }

private:
    sd_bus* bus_;
    std::string name_;
    Message message_;
    int error_ = 0;
};

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

// "(sasas)", of which the last says that no `$` in an argument is a variable.
void add_command(UnitCall& call, sd_bus_message* message, const std::vector<std::string>& argv)
{
    call.note(sd_bus_message_open_container(message, 'a', "(sasas)"));
    call.note(sd_bus_message_open_container(message, 'r', "sasas"));
    call.note(sd_bus_message_append(message, "s", argv.front().c_str()));
    call.note(sd_bus_message_open_container(message, 'a', "s"));
    for (const auto& argument : argv)
        call.note(sd_bus_message_append(message, "s", argument.c_str()));
    call.note(sd_bus_message_close_container(message));
    call.note(sd_bus_message_append(message, "as", 1, "no-env-expand"));
    call.note(sd_bus_message_close_container(message));
    call.note(sd_bus_message_close_container(message));
}

void add_processes(UnitCall& call, sd_bus_message* message, const std::vector<pid_t>& processes)
{
    call.note(sd_bus_message_open_container(message, 'a', "u"));
    for (const pid_t pid : processes)
        call.note(sd_bus_message_append(message, "u", static_cast<unsigned>(pid)));
    call.note(sd_bus_message_close_container(message));
}

void add_devices(UnitCall& call, sd_bus_message* message, const std::vector<std::string>& devices)
{
    call.note(sd_bus_message_open_container(message, 'a', "(ss)"));
    for (const auto& device : devices)
        call.note(sd_bus_message_append(message, "(ss)", device.c_str(), "rw"));
    call.note(sd_bus_message_close_container(message));
}

// "(bas)": those alone that are named.
void add_families(UnitCall& call, sd_bus_message* message, const std::vector<std::string>& families)
{
    call.note(sd_bus_message_open_container(message, 'r', "bas"));
    call.note(sd_bus_message_append(message, "b", 1));
    call.note(sd_bus_message_open_container(message, 'a', "s"));
    for (const auto& family : families)
        call.note(sd_bus_message_append(message, "s", family.c_str()));
    call.note(sd_bus_message_close_container(message));
    call.note(sd_bus_message_close_container(message));
}

}  // namespace

void ServiceManager::Closer::operator()(sd_bus* bus) const
{
    sd_bus_close_unref(bus);
}

sdk::Result<ServiceManager> ServiceManager::connect()
{
    sd_bus* opened = nullptr;
    const int error = ::geteuid() == 0 ? sd_bus_open_system(&opened) : sd_bus_open_user(&opened);
    if (error < 0)
        return refused("reach the service manager", error);
    ServiceManager manager(opened);
    (void)sd_bus_set_method_call_timeout(opened, patience.count());
    return manager;
}

sdk::Result<void> ServiceManager::start_scope(const TransientScope& scope)
{
    Job job;
    if (const int error = sd_bus_match_signal(bus_.get(), nullptr, manager_name, manager_path, manager_interface,
                                              "JobRemoved", note_removed_job, &job);
        error < 0)
        return refused("listen to the service manager", error);
    UnitCall call(bus_.get(), scope.name);
    call.set("Description", "s", scope.description.c_str());
    call.set_each("PIDs", "au", [&](sd_bus_message* message) { add_processes(call, message, scope.processes); });
    for (const char* accounting : {"CPUAccounting", "MemoryAccounting", "TasksAccounting"})
        call.set(accounting, "b", 1);
    // One that failed is forgotten as well.
    call.set("CollectMode", "s", "inactive-or-failed");
    auto path = call.call();
    if (!path)
        return std::move(path).error();
    job.path = *path;
    return wait_for(bus_.get(), job);
}

sdk::Result<void> ServiceManager::start_service(TransientService service)
{
    UnitCall call(bus_.get(), service.name);
    call.set("Description", "s", service.description.c_str());
    call.set("Type", "s", "forking").set("CollectMode", "s", "inactive-or-failed");
    call.set_each("ExecStartEx", "a(sasas)", [&](sd_bus_message* message) { add_command(call, message, service.argv); });
    call.set("StandardInputFileDescriptor", "h", service.input.get());
    call.set("CapabilityBoundingSet", "t", service.capabilities).set("NoNewPrivileges", "b", 1);
    call.set("DevicePolicy", "s", "closed");
    call.set_each("DeviceAllow", "a(ss)", [&](sd_bus_message* message) { add_devices(call, message, service.devices); });
    call.set_each("RestrictAddressFamilies", "(bas)",
                  [&](sd_bus_message* message) { add_families(call, message, service.families); });
    call.set("LimitNOFILE", "t", service.most_descriptors).set("LimitCORE", "t", std::uint64_t{0});
    // Nothing in it asks the manager for anything, and nobody waits for its end but the host's.
    call.set("KillSignal", "i", SIGKILL);
    auto path = call.call();
    return path ? sdk::Result<void>() : sdk::Result<void>(std::move(path).error());
}

}  // namespace banger::units
