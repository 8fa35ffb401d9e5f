// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qemu_snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "banger/sdk/json_text.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/saved_machine.hpp"
#include "disk_swap.hpp"
#include "machine_shape.hpp"
#include "monitor.hpp"
#include "qemu_start.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::MachineShape;
using sdk::Result;
namespace os = sdk::os;

constexpr const char* stream_name = "machine";  // QEMU's migration stream: memory, processors and devices
constexpr std::chrono::minutes longest_copy{30};
constexpr unsigned most_passes = 6;  // over the memory of a machine that writes faster than can be copied

sdk::SavedMachine saved_in(const std::string& directory)
{
    return {directory, {stream_name}};
}

QmpLimits limits_of(const sdk::Call& call)
{
    return {std::chrono::steady_clock::now() + longest_copy, call.cancel_descriptor()};
}

// Less than a host gives a call that was cancelled, or a method that cannot be, before it takes the plugin for hung.
QmpLimits limits_to_undo()
{
    return {std::chrono::steady_clock::now() + std::chrono::seconds(15)};
}
QmpLimits limits_without_call()
{
    return {std::chrono::steady_clock::now() + std::chrono::seconds(90)};
}

Result<void> allow(Monitor& monitor, const std::vector<std::string>& capabilities)
{
    std::string list;
    for (const auto& name : capabilities)
        list += std::string(list.empty() ? "" : ",") + R"({"capability":)" + sdk::json_string(name) + R"(,"state":true})";
    return monitor.tell("migrate-set-capabilities", R"({"capabilities":[)" + list + "]}");
}

/// How a machine is copied while it runs.
///
/// While it emulates, QEMU before 9.0 forgets pages that a guest writes after the second look at what is dirty (its
/// translation cache is not told). With a limit of 0 it copies all once, stops, and looks then, for the only time.
/// docs/decisions/0012-fork-of-a-fork.md
Result<bool> must_look_once(Monitor& monitor)
{
    auto accelerator = monitor.accelerator();
    auto version = monitor.version();
    if (!accelerator || !version)
        return std::move(accelerator ? version.error() : accelerator.error());
    unsigned major = 0;
    std::from_chars(version->data(), version->data() + version->size(), major);
    return *accelerator == Accelerator::tcg && major < 9;
}

Result<void> allow_downtime(Monitor& monitor, const char* milliseconds)
{
    return monitor.tell("migrate-set-parameters",
                        std::string(R"({"max-bandwidth":0,"downtime-limit":)") + milliseconds + "}");
}

// Returns once QEMU itself has stopped the processors, because hardly anything is left to copy.
Result<void> copy_memory(Monitor& monitor, int output, const sdk::Call& call)
{
    auto one_look = must_look_once(monitor);
    auto memory = monitor.memory();
    if (!one_look || !memory)
        return std::move(one_look ? memory.error() : one_look.error());
    if (auto allowed = allow(monitor, {"events", "pause-before-switchover"}); !allowed)
        return allowed;
    if (auto set = allow_downtime(monitor, *one_look ? "0" : "30"); !set)
        return set;
    if (auto given = monitor.give(output, "save"); !given)
        return given;
    if (auto begun = monitor.tell("migrate", R"({"uri":"fd:save"})"); !begun)
        return begun;
    // Each pass adds to the file, and a busy machine never gets to its end: it is stopped with what is left then.
    const auto keep_bounded = [&](const Migration& now) -> Result<void> {
        struct stat file {};
        if (*one_look || ::fstat(output, &file) != 0)
            return {};
        const bool too_long = static_cast<std::uint64_t>(file.st_size) + now.remaining > *memory / 2 * 3;
        return now.passes > most_passes || too_long ? allow_downtime(monitor, "2000000") : Result<void>();
    };
    if (auto stopped = monitor.wait_for_migration("pre-switchover", keep_bounded); !stopped)
        return stopped;
    if (call.cancelled())
        return make_error(Code::cancelled, "cancelled");
    auto end = monitor.migration();
    if (!end)
        return std::move(end).error();
    if (*one_look && end->passes != 1)
        return make_error(Code::internal, "QEMU looked at the machine's memory " + std::to_string(end->passes) +
                                              " times, and may have missed what changed");
    return {};
}

// The save could not grow because the disk is full. QEMU says so in words only, and we try one block more.
bool is_disk_full(int output)
{
    struct stat file {};
    constexpr off_t some = 1 << 20;
    return ::fstat(output, &file) == 0 && ::fallocate(output, FALLOC_FL_KEEP_SIZE, file.st_size, some) != 0 &&
           (errno == ENOSPC || errno == EDQUOT);
}

sdk::Error explain(sdk::Error error, int output)
{
    if (error.code == Code::internal && is_disk_full(output)) {
        error.code = Code::no_space;
        error.hint = "make room on the disk that saves are written to";
    }
    return error;
}

Result<void> load(os::UniqueFd api, int input, const Config& config, const sdk::Call& call)
{
    auto monitor = Monitor::over(std::move(api), config.start_patience, limits_of(call));
    if (!monitor)
        return never_started(std::move(monitor).error(), config);
    if (auto allowed = allow(*monitor, {"events"}); !allowed)
        return allowed;
    if (auto given = monitor->give(input, "save"); !given)
        return given;
    if (auto begun = monitor->tell("migrate-incoming", R"({"uri":"fd:save"})"); !begun)
        return begun;
    return monitor->wait_for_migration("completed");
}

// Bytes that the process has in memory or in swap: what its machine has ever used, and more (proc(5), status).
std::uint64_t resident_memory(pid_t pid)
{
    const auto status = os::read_file("/proc/" + std::to_string(pid) + "/status").value_or({});
    std::uint64_t kib = 0;
    for (const char* line : {"VmRSS:", "VmSwap:"})
        if (const auto at = status.find(line); at != std::string::npos)
            kib += std::strtoull(status.c_str() + at + std::strlen(line), nullptr, 10);
    return kib * 1024;
}

class QemuSnapshot final : public sdk::VmmSnapshot {
public:
    QemuSnapshot(sdk::Host& host, const Config& config)
        : config_(config), probe_(host, config), process_(qemu_process())
    {
    }

    Result<sdk::Probe> probe(sdk::Call& call) override
    {
        auto found = probe_.look(call);
        sdk::Probe probe;
        probe.usable = found.has_value();
        probe.reason = found ? "machines are saved by a live migration into a file" : found.error().message;
        if (!found)
            probe.hint = found.error().hint;
        probe.offers = {"snapshot:full", "snapshot:live"};
        probe.accepts = {"disk:qcow2"};
        return probe;
    }

    Result<void> pause(const sdk::Handle& machine) override
    {
        auto monitor = Monitor::of(process_, machine, limits_without_call());
        return monitor ? monitor->tell("stop") : std::move(monitor).error();
    }

    Result<void> resume(const sdk::Handle& machine) override
    {
        auto monitor = Monitor::of(process_, machine, limits_without_call());
        return monitor ? go_on(*monitor) : std::move(monitor).error();
    }

    Result<void> begin_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        if (!save.base.empty())
            return make_error(Code::unsupported, "QEMU saves no differences");
        auto monitor = Monitor::of(process_, machine, limits_of(call));
        if (!monitor)
            return std::move(monitor).error();
        auto before = monitor->run_state();
        if (auto free = must_be_free(*monitor, before, machine); !free)
            return free;
        if (auto room = must_have_room(*monitor, machine, save.directory); !room)
            return room;
        const auto saved = saved_in(save.directory);
        auto output = os::open_file(saved.path_of(stream_name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
        if (!output)
            return std::move(output).error();
        auto copied = copy_memory(*monitor, output->get(), call);
        if (copied)
            return {};
        auto error = explain(std::move(copied).error(), output->get());
        // What cannot be undone here is undone by the caller's resume.
        monitor->limit(limits_to_undo());
        (void)(*before == "running" ? go_on(*monitor) : monitor->give_up_migration());
        (void)saved.remove();
        return std::move(error).while_doing("save the machine of VM " + machine.owner.vm);
    }

    Result<void> finish_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        auto monitor = Monitor::of(process_, machine, limits_of(call));
        if (!monitor)
            return std::move(monitor).error();
        auto now = monitor->migration();
        if (!now)
            return std::move(now).error();
        if (now->status != "pre-switchover")
            return make_error(Code::precondition, "the machine of VM " + machine.owner.vm + " is not being saved");
        const auto saved = saved_in(save.directory);
        if (auto begun = must_be_saved_to(saved, save.directory, machine); !begun)
            return begun;
        auto finished = finish(*monitor, machine, saved);
        if (finished)
            return finished;
        monitor->limit(limits_to_undo());
        (void)monitor->give_up_migration();
        return std::move(finished).error().while_doing("save the machine of VM " + machine.owner.vm);
    }

    Result<void> seal_save(const sdk::SaveSpec& save, sdk::Call& call) override
    {
        return saved_in(save.directory).seal(call);
    }

    Result<sdk::Attached<sdk::Machine>> restore(const sdk::RestoreSpec& spec, sdk::Call& call) override
    {
        if (auto checked = check(spec.boot); !checked)
            return std::move(checked).error();
        const auto saved = saved_in(spec.snapshot);
        auto shape = saved.shape();
        auto input = os::open_file(saved.path_of(stream_name), O_RDONLY);
        if (!shape || !input)
            return std::move(shape ? input.error() : shape.error());
        auto found = probe_.look(call);
        if (!found)
            return std::move(found).error();
        Launch launch;
        launch.accelerator = found->accelerator;
        const auto wanted = with_version(shape_of(command_line(spec.boot, launch), sdk::host_processor()), found->version);
        if (auto fits = sdk::must_fit(*shape, wanted); !fits)
            return std::move(fits).error();
        auto started = start_qemu(spec.boot, *found, config_, true, process_, call);
        if (!started)
            return std::move(started).error();
        auto loaded = load(std::move(started->api), input->get(), config_, call);
        if (!loaded)
            return started->launch.explain(std::move(loaded).error());
        return sdk::Attached<sdk::Machine>{machine_on(found->accelerator), started->launch.keep()};
    }

    Result<void> swap_disks(const sdk::Handle& machine, const std::vector<sdk::Disk>& disks) override
    {
        auto monitor = Monitor::of(process_, machine, limits_without_call());
        return monitor ? qemu::swap_disks(*monitor, disks) : std::move(monitor).error();
    }

private:
    static MachineShape with_version(MachineShape shape, const std::string& version)
    {
        shape.insert(shape.begin(), {"QEMU", version});
        return shape;
    }

    // Whatever it was doing. QEMU goes on by itself after a migration that failed, and cannot before its very end.
    static Result<void> go_on(Monitor& monitor)
    {
        if (auto given_up = monitor.give_up_migration(); !given_up)
            return given_up;
        if (auto settled = monitor.run_state(); !settled)
            return std::move(settled).error();
        return monitor.tell("cont");
    }

    static Result<void> must_be_free(Monitor& monitor, const Result<std::string>& state, const sdk::Handle& machine)
    {
        auto now = monitor.migration();
        if (!state || !now)
            return state ? now.error() : state.error();
        if (now->under_way())
            return make_error(Code::precondition, "the machine of VM " + machine.owner.vm + " is being saved already");
        if (*state == "postmigrate")  // QEMU: "Can't migrate the vm that was paused due to previous migration"
            return make_error(Code::precondition,
                              "the machine of VM " + machine.owner.vm + " stands still since it was saved last",
                              "resume it first");
        return {};
    }

    // QEMU has the stream open from begin_save on, whoever asks for the rest, and of another save none.
    Result<void> must_be_saved_to(const sdk::SavedMachine& saved, const std::string& directory,
                                  const sdk::Handle& machine) const
    {
        auto id = process_.find(machine);
        if (!id)
            return std::move(id).error();
        auto is_here = os::has_open(*id ? (*id)->pid : 0, saved.path_of(stream_name));
        if (!is_here)
            return std::move(is_here).error();
        if (!*is_here)
            return make_error(Code::precondition, "the machine of VM " + machine.owner.vm +
                                                      " is being saved, but not to " + directory);
        return {};
    }

    Result<void> must_have_room(Monitor& monitor, const sdk::Handle& machine, const std::string& directory) const
    {
        auto memory = monitor.memory();
        auto id = process_.find(machine);
        auto room = os::free_bytes(directory);
        if (!memory || !id || !room)
            return std::move(memory ? id ? room.error() : id.error() : memory.error());
        const auto needed = std::min(*memory, *id ? resident_memory((*id)->pid) : 0);
        if (needed > *room)
            return make_error(Code::no_space,
                              "the machine of VM " + machine.owner.vm + " has up to " + std::to_string(needed >> 20U) +
                                  " MiB in use, and there is room for " + std::to_string(*room >> 20U) + " in " +
                                  directory);
        return {};
    }

    Result<void> finish(Monitor& monitor, const sdk::Handle& machine, const sdk::SavedMachine& saved)
    {
        auto version = monitor.version();
        auto id = process_.find(machine);
        if (!version || !id)
            return std::move(version ? id.error() : version.error());
        auto argv = os::arguments_of(*id ? (*id)->pid : 0);
        auto output = os::open_file(saved.path_of(stream_name), O_RDWR);
        if (!argv || !output)
            return std::move(argv ? output.error() : argv.error());
        if (auto going = monitor.tell("migrate-continue", R"({"state":"pre-switchover"})"); !going)
            return going;
        if (auto done = monitor.wait_for_migration("completed"); !done)
            return explain(std::move(done).error(), output->get());
        return saved.describe(with_version(shape_of(*argv, sdk::host_processor()), *version));
    }

    const Config config_;
    AcceleratorProbe probe_;
    const sdk::VmmProcess process_;
};

}  // namespace

Result<std::unique_ptr<sdk::VmmSnapshot>> make_snapshot(sdk::Host& host, std::string_view config)
{
    auto read = read_config(config);
    if (!read)
        return std::move(read).error();
    return std::unique_ptr<sdk::VmmSnapshot>(std::make_unique<QemuSnapshot>(host, *read));
}

}  // namespace banger::qemu
