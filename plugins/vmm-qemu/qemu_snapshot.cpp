// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qemu_snapshot.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "qemu_start.hpp"
#include "qmp.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::chrono::seconds longest_command{30};
constexpr std::chrono::minutes longest_copy{30};
constexpr const char* state_file = "/machine";
constexpr const char* facts_file = "/facts";

QmpLimits limits_of(std::chrono::seconds most, const sdk::Call* call = nullptr)
{
    return {std::chrono::steady_clock::now() + most, call == nullptr ? -1 : call->cancel_descriptor()};
}

std::string quoted(const std::string& text)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.String(text);
    return buffer.GetString();
}

std::string word_in(const std::string& json, const char* key)
{
    rapidjson::Document document;
    document.Parse(json);
    return document.IsObject() && document.HasMember(key) && document[key].IsString() ? document[key].GetString() : "";
}

/// One conversation with the monitor of a machine that lives.
class Monitor {
public:
    static Result<Monitor> of(const sdk::VmmProcess& process, const sdk::Handle& machine)
    {
        if (!process.find(machine))
            return make_error(Code::not_found, "the VMM of VM " + machine.owner.vm + " does not run");
        auto socket = os::try_connect_unix(machine.owner.directory + "/" + sdk::api_socket_name);
        if (!socket)
            return std::move(socket).error();
        return of(std::move(*socket));
    }
    static Result<Monitor> of(os::UniqueFd socket)
    {
        auto qmp = Qmp::open(std::move(socket), limits_of(longest_command));
        if (!qmp)
            return std::move(qmp).error();
        return Monitor(std::move(*qmp));
    }

    Result<std::string> ask(std::string_view command, const std::string& arguments = {})
    {
        return qmp_.execute(command, limits_of(longest_command), arguments);
    }
    Result<void> tell(std::string_view command, const std::string& arguments = {})
    {
        auto answer = ask(command, arguments);
        return answer ? Result<void>() : std::move(answer).error();
    }
    /// "running", "paused", "postmigrate", ... (RunState of qapi/run-state.json).
    Result<std::string> run_state()
    {
        auto answer = ask("query-status");
        if (!answer)
            return answer;
        return word_in(*answer, "status");
    }
    /// "none", "active", "pre-switchover", "completed", ... (MigrationStatus of qapi/migration.json).
    Result<std::string> migration()
    {
        auto answer = ask("query-migrate");
        if (!answer)
            return answer;
        return word_in(*answer, "status");
    }
    /// The migration is in `wanted`; an error if it ends otherwise.
    Result<void> wait_for_migration(const std::string& wanted, const QmpLimits& limits)
    {
        auto now = migration();  // the event may have come to an earlier conversation
        for (;;) {
            if (!now)
                return std::move(now).error();
            if (*now == wanted)
                return {};
            if (*now == "failed" || *now == "cancelled" || *now == "completed")
                return make_error(Code::internal, "QEMU's migration ended as '" + *now + "'");
            auto event = qmp_.next_event("MIGRATION", limits);
            if (!event)
                return std::move(event).error();
            now = word_in(*event, "status");
        }
    }
    /// How often the migration collected what the guest had written ("dirty-sync-count").
    Result<std::uint64_t> looks_at_memory()
    {
        auto answer = ask("query-migrate");
        if (!answer)
            return std::move(answer).error();
        rapidjson::Document document;
        document.Parse(*answer);
        if (!document.IsObject() || !document.HasMember("ram") || !document["ram"].HasMember("dirty-sync-count"))
            return make_error(Code::internal, "QEMU does not say how it copied the machine's memory: " + *answer);
        return document["ram"]["dirty-sync-count"].GetUint64();
    }
    Result<void> give(int descriptor, const std::string& name)
    {
        return qmp_.give(descriptor, name, limits_of(longest_command));
    }

private:
    explicit Monitor(Qmp qmp) : qmp_(std::move(qmp)) {}

    Qmp qmp_;
};

Result<void> allow(Monitor& monitor, const std::vector<std::string>& capabilities)
{
    std::string list;
    for (const auto& name : capabilities)
        list += std::string(list.empty() ? "" : ",") + R"({"capability":)" + quoted(name) + R"(,"state":true})";
    return monitor.tell("migrate-set-capabilities", R"({"capabilities":[)" + list + "]}");
}

/// A disk as a running QEMU has it: the device with the role's name, and the node it writes to.
struct Place {
    std::string node;
    std::string path;
};

Result<Place> place_of(const std::string& blocks, const std::string& role)
{
    rapidjson::Document list;
    list.Parse(blocks);
    const std::string device = "/machine/peripheral/" + role + "/virtio-backend";
    if (list.IsArray())
        for (const auto& block : list.GetArray()) {
            if (!block.HasMember("qdev") || device != block["qdev"].GetString() || !block.HasMember("inserted"))
                continue;
            const auto& inserted = block["inserted"];
            return Place{inserted["node-name"].GetString(), inserted["image"]["filename"].GetString()};
        }
    return make_error(Code::not_found, "the machine has no disk '" + role + "'");
}

// The node that an earlier swap added for the file and could not use any more; it holds the file's lock.
std::optional<std::string> idle_node(const std::string& nodes, const sdk::Disk& disk)
{
    rapidjson::Document list;
    list.Parse(nodes);
    if (list.IsArray())
        for (const auto& node : list.GetArray())
            if (disk.format == node["drv"].GetString() && disk.path == node["file"].GetString())
                return node["node-name"].GetString();
    return std::nullopt;
}

// A name that no node of the machine has had.
std::string node_name(const std::string& blocks, const std::string& role)
{
    for (unsigned number = 1;; ++number)
        if (std::string name = role + "-" + std::to_string(number); blocks.find(quoted(name)) == std::string::npos)
            return name;
}

Result<void> add_node(Monitor& monitor, const std::string& node, const sdk::Disk& disk)
{
    return monitor.tell("blockdev-add", R"({"driver":)" + quoted(disk.format) + R"(,"node-name":)" + quoted(node) +
                                            R"(,"discard":"unmap","backing":null,"file":{"driver":"file","filename":)" +
                                            quoted(disk.path) + R"(,"aio":"threads","discard":"unmap"}})");
}

Result<void> swap(Monitor& monitor, const std::vector<sdk::Disk>& disks)
{
    auto blocks = monitor.ask("query-block");
    auto nodes = monitor.ask("query-named-block-nodes", R"({"flat":true})");
    if (!blocks || !nodes)
        return std::move(blocks ? nodes.error() : blocks.error());
    std::vector<std::string> added;
    std::string actions;
    Result<void> done;
    for (const auto& disk : disks) {
        auto place = place_of(*blocks, disk.role);
        if (!place && (done = std::move(place).error(), true))
            break;
        if (place->path == disk.path)
            continue;  // done already
        const auto idle = idle_node(*nodes, disk);
        const std::string node = idle ? *idle : node_name(*nodes, disk.role);
        if (!idle)
            done = add_node(monitor, node, disk);
        if (!done)
            break;
        added.push_back(node);
        actions += std::string(actions.empty() ? "" : ",") + R"({"type":"blockdev-snapshot","data":{"node":)" +
                   quoted(place->node) + R"(,"overlay":)" + quoted(node) + "}}";
    }
    if (done && !actions.empty())
        done = monitor.tell("transaction", R"({"actions":[)" + actions + "]}");
    if (!done)
        for (const auto& node : added)
            (void)monitor.tell("blockdev-del", R"({"node-name":)" + quoted(node) + "}");
    return done;
}

// What a state can only be restored with.
std::string facts_of(const Installation& found)
{
    return "qemu " + found.version + " " + std::string(to_string(found.accelerator)) + "\n";
}

Result<void> fits(const std::string& directory, const Installation& found)
{
    auto saved = os::read_file(directory + facts_file, 4096);
    if (!saved)
        return make_error(Code::not_found, "there is no whole save in " + directory);
    if (*saved != facts_of(found))
        return make_error(Code::precondition, "the machine was saved by " + saved->substr(0, saved->find('\n')) +
                                                  ", and this host has " + facts_of(found));
    return {};
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
        return probe;
    }

    Result<void> pause(const sdk::Handle& machine) override
    {
        auto monitor = Monitor::of(process_, machine);
        return monitor ? monitor->tell("stop") : std::move(monitor).error();
    }

    Result<void> resume(const sdk::Handle& machine) override
    {
        auto monitor = Monitor::of(process_, machine);
        if (!monitor)
            return std::move(monitor).error();
        auto migration = monitor->migration();
        if (!migration)
            return std::move(migration).error();
        if (*migration == "active" || *migration == "pre-switchover" || *migration == "setup")
            if (auto given_up = give_up(*monitor); !given_up)
                return given_up;
        return monitor->tell("cont");
    }

    Result<void> begin_save(const sdk::Handle& machine, const std::string& directory, sdk::Call& call) override
    {
        auto found = probe_.look(call);
        auto monitor = Monitor::of(process_, machine);
        if (!found || !monitor)
            return std::move(found ? monitor.error() : found.error());
        auto before = monitor->run_state();
        if (!before)
            return std::move(before).error();
        auto output = os::open_file(directory + state_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
        if (!output)
            return std::move(output).error();
        auto copied = copy(*monitor, found->accelerator, output->get(), call);
        if (copied)
            return {};
        (void)give_up(*monitor);
        if (*before == "running")
            (void)monitor->tell("cont");
        (void)os::remove_file(directory + state_file);
        return std::move(copied).error().while_doing("save the machine of VM " + machine.owner.vm);
    }

    Result<void> finish_save(const sdk::Handle& machine, const std::string& directory, sdk::Call& call) override
    {
        auto found = probe_.look(call);
        auto monitor = Monitor::of(process_, machine);
        if (!found || !monitor)
            return std::move(found ? monitor.error() : found.error());
        if (auto going = monitor->tell("migrate-continue", R"({"state":"pre-switchover"})"); !going)
            return going;
        if (auto done = monitor->wait_for_migration("completed", limits_of(longest_copy, &call)); !done)
            return done;
        // The facts say that the save is whole, so they come last.
        auto state = os::open_file(directory + state_file, O_RDONLY);
        if (!state)
            return std::move(state).error();
        if (::fdatasync(state->get()) != 0)
            return sdk::os_error("write " + directory + state_file);
        return os::write_file_atomic(directory + facts_file, facts_of(*found));
    }

    Result<sdk::Attached<sdk::Machine>> restore(const sdk::RestoreSpec& spec, sdk::Call& call) override
    {
        auto found = probe_.look(call);
        if (!found)
            return std::move(found).error();
        if (auto fit = fits(spec.snapshot, *found); !fit)
            return std::move(fit).error();
        auto input = os::open_file(spec.snapshot + state_file, O_RDONLY);
        if (!input)
            return std::move(input).error();
        auto started = start_qemu(spec.boot, *found, config_, true, process_, call);
        if (!started)
            return std::move(started).error();
        auto loaded = load(std::move(started->api), input->get(), call);
        if (!loaded)
            return started->launch.explain(std::move(loaded).error());
        return sdk::Attached<sdk::Machine>{sdk::Machine{std::string(to_string(found->accelerator)), true},
                                           started->launch.keep()};
    }

    Result<void> swap_disks(const sdk::Handle& machine, const std::vector<sdk::Disk>& disks) override
    {
        auto monitor = Monitor::of(process_, machine);
        return monitor ? swap(*monitor, disks) : std::move(monitor).error();
    }

private:
    // Runs until QEMU itself stops the processors, because hardly anything is left to copy.
    //
    // While it emulates, QEMU before 9.0 forgets pages that a guest writes after the second look at what is dirty (its
    // translation cache is not told). With a limit of 0 it copies all once, stops, and looks then, for the only time.
    static Result<void> copy(Monitor& monitor, Accelerator accelerator, int output, sdk::Call& call)
    {
        const bool one_look = accelerator == Accelerator::tcg;
        if (auto allowed = allow(monitor, {"events", "pause-before-switchover"}); !allowed)
            return allowed;
        const std::string limit = one_look ? "0" : "30";  // ms
        if (auto set = monitor.tell("migrate-set-parameters", R"({"max-bandwidth":0,"downtime-limit":)" + limit + "}");
            !set)
            return set;
        if (auto given = monitor.give(output, "save"); !given)
            return given;
        if (auto begun = monitor.tell("migrate", R"({"uri":"fd:save"})"); !begun)
            return begun;
        if (auto stopped = monitor.wait_for_migration("pre-switchover", limits_of(longest_copy, &call)); !stopped)
            return stopped;
        auto looks = monitor.looks_at_memory();
        if (!looks)
            return std::move(looks).error();
        if (one_look && *looks != 1)
            return make_error(Code::internal, "QEMU looked at the machine's memory " + std::to_string(*looks) +
                                                  " times, and may have missed what changed");
        return {};
    }

    static Result<void> give_up(Monitor& monitor)
    {
        if (auto told = monitor.tell("migrate_cancel"); !told)
            return told;
        return monitor.wait_for_migration("cancelled", limits_of(longest_command));
    }

    static Result<void> load(os::UniqueFd api, int input, sdk::Call& call)
    {
        auto monitor = Monitor::of(std::move(api));
        if (!monitor)
            return std::move(monitor).error();
        if (auto allowed = allow(*monitor, {"events"}); !allowed)
            return allowed;
        if (auto given = monitor->give(input, "save"); !given)
            return given;
        if (auto begun = monitor->tell("migrate-incoming", R"({"uri":"fd:save"})"); !begun)
            return begun;
        return monitor->wait_for_migration("completed", limits_of(longest_copy, &call));
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
