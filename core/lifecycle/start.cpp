// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/start.hpp"

#include <optional>

#include "banger/sdk/os/file.hpp"
#include "core/base/durations.hpp"
#include "core/guest/agent_client.hpp"
#include "core/lifecycle/console.hpp"
#include "core/lifecycle/guest_configuration.hpp"
#include "core/lifecycle/initramfs.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/noted_attachments.hpp"
#include "core/lifecycle/own_scope.hpp"
#include "core/lifecycle/provision.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/room.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/disks.hpp"
#include "core/model/timestamp.hpp"

namespace banger::lifecycle {
namespace {

// Generous, for many guests that boot at once without hardware support; a guest that shows no life by then never will.
constexpr std::chrono::seconds patience_for_system{300};

struct Providers {
    std::shared_ptr<sdk::Vmm> vmm;
    std::shared_ptr<sdk::Storage> storage;
    std::shared_ptr<sdk::Network> network;
};

sdk::Result<Providers> providers_of(Engine& engine, const model::VmRecord& vm)
{
    auto vmm = engine.registry.get<sdk::Vmm>(vm.vmm);
    if (!vmm)
        return std::move(vmm).error();
    auto storage = engine.registry.get<sdk::Storage>(vm.storage);
    if (!storage)
        return std::move(storage).error();
    auto network = engine.registry.get<sdk::Network>(vm.network);
    if (!network)
        return std::move(network).error();
    return Providers{*vmm, *storage, *network};
}

// A guest that panics restarts at once, by a triple fault, which ends its VMM: nobody waits for a dead guest.
// (Documentation/admin-guide/kernel-parameters.txt)
constexpr const char* end_on_panic = "panic=-1 reboot=t";

std::string command_line_of(const images::Kernel& kernel, const model::VmRecord& vm)
{
    return kernel.command_line + (kernel.command_line.empty() ? "" : " ") + end_on_panic + " banger.token=" +
           vm.agent_token;
}

sdk::Error runs_already(const model::VmRecord& vm)
{
    return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' is running already");
}

// What a start makes, step by step; everything it attached is in the journal.
class Start {
public:
    Start(Engine& engine, const model::VmRecord& vm, handles::HandleJournal& journal, Operation& operation)
        : engine_(engine), vm_(vm), journal_(journal), operation_(operation), opened_(journal, operation)
    {
    }

    sdk::Result<void> prepare()
    {
        auto providers = providers_of(engine_, vm_);
        if (!providers)
            return std::move(providers).error();
        use_ = std::move(*providers);
        auto kernel = engine_.kernels.find(vm_.kernel_id);
        if (!kernel)
            return std::move(kernel).error();
        kernel_ = std::move(*kernel);
        auto image = engine_.images.find(vm_.image_id);
        if (!image)
            return std::move(image).error();
        image_ = std::move(*image);
        auto initramfs = initramfs_for(engine_, kernel_, operation_);
        if (!initramfs)
            return std::move(initramfs).error();
        boot_.initramfs = std::move(*initramfs);
        return vm_.provisioned ? sdk::Result<void>() : find_provisioners(engine_);
    }

    /// What the VMM will open.
    sdk::Result<void> plan()
    {
        if (auto planned = opened_.plan(*use_.network, link_spec()); !planned)
            return std::move(planned).error().while_doing("attach network");
        for (const auto& role : model::writable_disk_roles())
            if (auto planned = opened_.plan(*use_.storage, disk_spec(engine_, vm_, image_, role)); !planned)
                return std::move(planned).error().while_doing("attach " + role + " disk");
        return opened_.note_planned();
    }

    sdk::Result<void> attach_network()
    {
        const auto span = operation_.span("attach network");
        auto link = opened_.attach(*use_.network, link_spec());
        if (!link)
            return std::move(link).error().while_doing("attach network");
        boot_.links.push_back(std::move(link->value));
        if (opened_.was_planned(link->handle))
            link_ = std::move(link->handle);
        return {};
    }

    sdk::Result<void> attach_disks()
    {
        const auto span = operation_.span("attach disks");
        for (const auto& role : model::writable_disk_roles()) {
            auto disk = opened_.attach(*use_.storage, disk_spec(engine_, vm_, image_, role));
            if (!disk)
                return std::move(disk).error().while_doing("attach " + role + " disk");
            boot_.disks.push_back(std::move(disk->value));
        }
        if (!kernel_.modules_disk.empty())
            boot_.disks.push_back({model::modules_disk, kernel_.modules_disk, "raw", true, 0});
        return opened_.note_bound();
    }

    sdk::Result<void> boot()
    {
        const auto span = operation_.span("start VMM");
        operation_.stage("boot vm '" + vm_.name + "'");
        boot_.owner = engine_.owner_of(vm_.id);
        boot_.kernel = kernel_.vmlinux;
        boot_.command_line = command_line_of(kernel_, vm_);
        boot_.vcpus = static_cast<std::uint32_t>(vm_.vcpus);
        boot_.memory_mib = vm_.memory_mib;
        boot_.discardable = vm_.removal == model::Removal::with_session;
        if (auto kept = keep_last_console(boot_.owner.directory); !kept)
            return kept;
        NotedAttachments process(journal_, operation_);
        if (auto planned = process.plan(*use_.vmm, boot_); !planned)
            return std::move(planned).error().while_doing("boot");
        if (auto noted = process.note_planned(); !noted)
            return std::move(noted).error().while_doing("boot");
        auto machine = process.attach(*use_.vmm, boot_);
        if (!machine)
            return std::move(machine).error().while_doing("boot");
        machine_ = std::move(*machine);
        auto noted = process.note_bound();
        return noted ? noted : std::move(noted).error().while_doing("boot");
    }

    // This and the next ones while the guest boots, which nobody has waited for yet.

    sdk::Result<void> leave_daemon()
    {
        give_own_scope(engine_, boot_.owner, journal_.entries(), operation_);
        return {};
    }

    sdk::Result<void> connect_network()
    {
        if (!link_)
            return {};
        const auto span = operation_.span("connect network");
        auto connected = use_.network->connect(*link_, operation_);
        return connected ? connected : std::move(connected).error().while_doing("connect network");
    }

    sdk::Result<void> learn_reach()
    {
        const auto span = operation_.span("how it is reached");
        lifecycle::learn_reach(engine_, vm_, operation_);
        return {};
    }

    sdk::Result<void> gather()
    {
        if (!is_provisioned_now())
            return {};
        const auto span = operation_.span("gather for provisioning");
        auto gathered = lifecycle::gather(engine_, vm_, operation_);
        if (!gathered)
            return std::move(gathered).error();
        gathered_ = std::move(*gathered);
        return {};
    }

    /// The agent answers, takes the VM's identity and lets the guest's init begin.
    sdk::Result<void> greet()
    {
        if (machine_.value.channel == sdk::ChannelKind::none)
            return {};
        std::shared_ptr<guest::AgentClient> agent;
        {
            const auto span = operation_.span("agent answers");
            auto connected = engine_.agents.connect(
                vm_.id, vm_.agent_token,
                [&](sdk::Call& call) { return use_.vmm->open_channel(machine_.handle, call); }, engine_.config.daemon.boot_timeout.value,
                operation_);
            if (!connected)
                return std::move(connected).error();
            agent = std::move(*connected);
        }
        const std::int64_t began = operation_.elapsed_us();
        const auto span = operation_.span("configure guest");
        auto configuration = guest_configuration(engine_, vm_, boot_);
        if (!configuration)
            return std::move(configuration).error();
        auto facts = agent->configure(*configuration, guest::Patience::of(engine_.config.daemon.boot_timeout.value, operation_.token()));
        if (!facts)
            return std::move(facts).error();
        for (const auto& step : facts->spans)
            operation_.add_span({"guest: " + step.name, began, static_cast<std::int64_t>(step.duration_ms * 1000)});
        return note_facts(engine_, vm_, *facts);
    }

    sdk::Result<void> wait_for_system()
    {
        if (machine_.value.channel == sdk::ChannelKind::none || vm_.ready != model::Ready::system)
            return {};
        const auto span = operation_.span("system ready");
        operation_.stage("wait for the system of vm '" + vm_.name + "'");
        auto agent = agent_of(engine_, vm_, operation_);
        if (!agent)
            return std::move(agent).error();
        auto state = (*agent)->wait_ready(guest::Patience::of(patience_for_system, operation_.token()));
        if (!state)
            return std::move(state).error();
        return {};
    }

    /// Once in a VM's life: at its first start, whichever verb that was.
    sdk::Result<void> provision(model::VmRecord& vm)
    {
        if (!is_provisioned_now())
            return {};
        auto done = lifecycle::provision(engine_, vm, gathered_, operation_);
        vm.provisioned = done.has_value();
        return done;
    }

    [[nodiscard]] const sdk::Handle& vmm() const { return machine_.handle; }

private:
    [[nodiscard]] sdk::LinkSpec link_spec() const { return {engine_.owner_of(vm_.id), vm_.egress, vm_.attachment}; }
    [[nodiscard]] bool is_provisioned_now() const
    {
        return !vm_.provisioned && machine_.value.channel != sdk::ChannelKind::none;
    }

    Engine& engine_;
    const model::VmRecord& vm_;
    handles::HandleJournal& journal_;
    Operation& operation_;
    Providers use_;
    images::Kernel kernel_;
    images::Image image_;
    sdk::BootSpec boot_;
    NotedAttachments opened_;  ///< by the VMM
    std::optional<sdk::Handle> link_;
    sdk::Attached<sdk::Machine> machine_;
    Gathered gathered_;
};

// While its guest boots and is provisioned, a VM fills the host's disk as any other.
class Boot {
public:
    Boot(const Engine& engine, const std::string& vm) : engine_(engine), vm_(vm)
    {
        if (engine_.boot_begins)
            engine_.boot_begins(vm_);
    }
    Boot(const Boot&) = delete;
    Boot& operator=(const Boot&) = delete;
    ~Boot()
    {
        if (engine_.boot_ended)
            engine_.boot_ended(vm_);
    }

private:
    const Engine& engine_;
    const std::string& vm_;
};

// What a guest has to do, and what is said of one that does not.
struct GuestStep {
    sdk::Result<void> (Start::*run)();
    const char* failure;
    std::chrono::milliseconds limit;
    const char* remedy;  ///< for want of time, behind another hint
};

sdk::Error cancellation_of(const Operation& operation, sdk::Error undone, const model::VmRecord& vm)
{
    auto told = operation.called_off().value_or(
        sdk::make_error(sdk::Code::cancelled, "the start of vm '" + vm.name + "' was cancelled"));
    told.during = std::move(undone.during);
    return told;
}

// A guest that ran and did not come up: its console says why, and is kept.
sdk::Error guest_failed(sdk::Error error, const model::VmRecord& vm, const GuestStep& step,
                        const std::string& directory)
{
    const std::string tail = console_tail(directory);
    std::string how = step.failure;
    std::string hint = "the vm is kept, stopped: `banger vm logs " + vm.name + "` shows its console";
    if (error.code == sdk::Code::timed_out) {
        how += " within " + base::format_duration(step.limit);
        hint += step.remedy;
    }
    sdk::Error told = sdk::make_error(error.code,
                                      "the guest of vm '" + vm.name + "' " + how +
                                          (tail.empty() ? ", and its console is empty"
                                                        : "; the end of its console is:\n" + tail),
                                      std::move(hint));
    told.during = std::move(error.during);
    told.during.insert(told.during.begin(), error.message);
    return told;
}

}  // namespace

namespace {

// What is being taken away may be the room that is missing.
sdk::Result<void> find_room(Engine& engine, Operation& operation)
{
    auto room = check_room(engine);
    if (room || engine.in_teardown.all().empty())
        return room;
    (void)await_teardowns(engine, operation);
    return check_room(engine);
}

}  // namespace

sdk::Result<void> check_whole(const model::VmRecord& vm)
{
    if (vm.desired == model::Desired::deleted)
        return sdk::make_error(sdk::Code::precondition, "vm '" + vm.name + "' is half deleted",
                               "`banger vm delete " + vm.name + "` finishes it");
    return {};
}

sdk::Result<void> start_locked(Engine& engine, model::VmRecord& vm, Operation& operation, bool& guest_silent)
{
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (live->alive)
        return runs_already(vm);
    if (auto room = find_room(engine, operation); !room)
        return std::move(room).error().while_doing("start vm '" + vm.name + "'");
    auto journal = engine.journal_of(vm.id);
    if (!journal)
        return std::move(journal).error();
    if (auto left = journal->release_all(); !left.empty())
        return std::move(left.front()).while_doing("clear what an earlier start left");

    const auto undone = [&](sdk::Error error) {
        engine.agents.drop(vm.id);
        auto told = journal->fail(std::move(error), "start vm '" + vm.name + "'");
        return operation.cancelled() ? cancellation_of(operation, std::move(told), vm) : told;
    };
    Start start(engine, vm, *journal, operation);
    const Boot boot(engine, vm.id);
    // Disks last: the host's udev looks at new block devices for a while, and is best at that while the VMM starts.
    for (const auto step : {&Start::prepare, &Start::plan, &Start::attach_network, &Start::attach_disks, &Start::boot, &Start::leave_daemon,
                            &Start::connect_network, &Start::learn_reach, &Start::gather})
        if (auto done = (start.*step)(); !done)
            return undone(std::move(done).error());
    for (const auto& step :
         {GuestStep{&Start::greet, "never answered", engine.config.daemon.boot_timeout.value,
                    "; if this host is only slow, raise boot_timeout in [daemon] of config.toml"},
          GuestStep{&Start::wait_for_system, "did not finish booting", patience_for_system, ""}})
        if (auto done = (start.*step.run)(); !done) {
            auto error = undone(std::move(done).error());
            if (operation.cancelled())
                return error;
            guest_silent = true;
            return guest_failed(std::move(error), vm, step, engine.owner_of(vm.id).directory);
        }
    if (auto done = start.provision(vm); !done)
        return undone(std::move(done).error());
    vm.desired = model::Desired::running;
    vm.started = model::unix_now();
    if (auto noted = engine.store.update(vm); !noted)
        return undone(std::move(noted).error());
    operation.commit();
    {
        const auto span = operation.span("publish name");
        if (auto reached = open_reach(engine, vm, operation); !reached)
            operation.warn(reached.error().message);
    }
    engine.usage.used(vm.id);
    engine.watch_exit(vm.id, start.vmm());
    return {};
}

sdk::Result<void> start_stopped(Engine& engine, model::VmRecord& vm, Operation& operation)
{
    const auto entry = engine.underway.enter(vm.id, operation);
    auto live = liveness_of(engine, vm);
    if (!live)
        return std::move(live).error();
    if (live->alive)
        return runs_already(vm);
    vm.desired = model::Desired::starting;
    if (auto noted = engine.store.update(vm); !noted)
        return noted;
    bool guest_silent = false;
    auto started = start_locked(engine, vm, operation, guest_silent);
    if (started)
        return {};
    vm.desired = model::Desired::stopped;
    if (auto noted = engine.store.update(vm); !noted)
        started.error().during.push_back("left behind: " + noted.error().message);
    return started;
}

sdk::Result<model::VmRecord> start_vm(Engine& engine, const std::string& reference, Operation& operation)
{
    auto locked = find_and_lock(engine, reference, "started", operation);
    if (!locked)
        return std::move(locked).error();
    if (auto whole = check_whole(locked->record); !whole)
        return std::move(whole).error();
    if (auto started = start_stopped(engine, locked->record, operation); !started)
        return leave_rest(engine, std::move(*locked), std::move(started).error());
    return std::move(locked->record);
}

}  // namespace banger::lifecycle
