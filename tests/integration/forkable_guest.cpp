// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/integration/forkable_guest.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"
#include "file_fork.hpp"
#include "file_storage.hpp"
#include "firecracker_snapshot.hpp"
#include "firecracker_vmm.hpp"
#include "qemu_snapshot.hpp"
#include "qemu_vmm.hpp"

namespace banger::integration {
namespace {

namespace os = sdk::os;

constexpr std::chrono::seconds patience{180};
constexpr std::uint64_t disk_bytes = 1ULL << 30U;
const std::vector<std::string> roles{"root", "work"};

/// Whether it succeeded; a test failure that says what was being done, if not.
template <typename T>
bool did(const sdk::Result<T>& result, const std::string& what)
{
    if (!result)
        ADD_FAILURE() << what << ": " << result.error().message;
    return result.has_value();
}

std::int64_t clock_now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace

guest::Patience patient()
{
    return guest::Patience::of(patience);
}

Providers::Providers(const std::string& vmm_name, bool by_helper)
    : work_(boost::asio::make_work_guard(loop)), thread_([this] { loop.run(); })
{
    if (by_helper)
        use_helper();
    else
        use_files();
    const bool fire = vmm_name == "firecracker";
    auto made_vmm = fire ? firecracker::make_vmm(host, "{}") : qemu::make_vmm(host, "{}");
    auto made_snapshot = fire ? firecracker::make_snapshot(host, "{}") : qemu::make_snapshot(host, "{}");
    closed_link.kind = fire ? "none" : "user-restricted";
    if (did(made_vmm, "make the VMM") && did(made_snapshot, "make what saves machines")) {
        vmm = std::move(*made_vmm);
        snapshot = std::move(*made_snapshot);
    }
    if (!storage)
        return;
    const auto probe = storage->probe(call);
    if (did(probe, "ask the storage"))
        disk_formats = probe->offers;
}

void Providers::use_files()
{
    storage = file::make_storage(host);
    fork = file::make_storage_fork(host);
}

void Providers::use_helper()
{
    const privd::Installation installation{host.instance(), host.vms_directory()};
    jails_ = privd::jails(rpc::helper::socket, installation);
    host.set_jails(jails_.get());
    const auto stand_in = privd::stand_in(rpc::helper::socket, installation);
    auto made = stand_in({std::string(plugins::kind_of<sdk::Storage>), "dm"});
    auto made_fork = stand_in({std::string(plugins::kind_of<sdk::StorageFork>), "dm"});
    auto made_network = stand_in({std::string(plugins::kind_of<sdk::Network>), "tap"});
    if (!did(made, "have the helper's storage") || !did(made_fork, "have the helper's forks") ||
        !did(made_network, "have the helper's taps"))
        return;
    network.reset(dynamic_cast<sdk::Network*>(made_network->release()));
    storage.reset(dynamic_cast<sdk::Storage*>(made->release()));
    fork.reset(dynamic_cast<sdk::StorageFork*>(made_fork->release()));
}

Providers::~Providers()
{
    work_.reset();
    loop.stop();
    thread_.join();
}

ForkableGuest::ForkableGuest(Providers& use, std::string name, std::string disk_format)
    : use_(use), name_(std::move(name)), disk_format_(std::move(disk_format))
{
    boot_.owner = use.host.new_owner();
}

ForkableGuest::~ForkableGuest()
{
    agent_.reset();
    if (::testing::Test::HasFailure()) {
        const auto console = os::read_file(boot_.owner.directory + "/console.log").value_or({});
        std::fprintf(stderr, "--- console of %s ends with\n%s\n", name_.c_str(),
                     console.substr(console.size() > 1500 ? console.size() - 1500 : 0).c_str());
    }
    if (!handle_.key.empty())
        (void)did(use_.vmm->release(handle_), "end " + name_);
    for (const auto& disk : attached_)
        (void)did(use_.storage->release(disk), "release a disk of " + name_);
    if (link_)
        (void)did(use_.network->release(*link_), "release the link of " + name_);
}

bool ForkableGuest::make_disks(const std::vector<sdk::Layer>& layers)
{
    boot_.disks.clear();
    for (std::size_t i = 0; i < roles.size(); ++i) {
        specs_.push_back({boot_.owner, roles[i], layers.at(i), disk_bytes, disk_format_});
        auto attached = did(use_.storage->create(specs_[i], use_.call), "make a disk")
                            ? use_.storage->attach(specs_[i], use_.call)
                            : sdk::Result<sdk::Attached<sdk::Disk>>(sdk::Error{});
        if (!did(attached, "attach a disk"))
            return false;
        boot_.disks.push_back(attached->value);
        attached_.push_back(attached->handle);
    }
    return true;
}

bool ForkableGuest::make_link()
{
    boot_.links = {{use_.closed_link, "52:54:00:00:00:01", {}, {}, {}}};
    if (!use_.network)
        return true;
    auto attached = use_.network->attach({boot_.owner, sdk::Egress::internet, "link:tap"}, use_.call);
    if (!did(attached, "attach a link") || !did(use_.network->connect(attached->handle, use_.call), "connect it"))
        return false;
    boot_.links = {attached->value};
    link_ = attached->handle;
    return true;
}

std::unique_ptr<ForkableGuest> ForkableGuest::boot(Providers& use, const proofs::Seed& seed, const std::string& name,
                                                   const std::string& disk_format)
{
    std::unique_ptr<ForkableGuest> guest(new ForkableGuest(use, name, disk_format));
    guest->token_ = use.host.random_hex(64);
    auto& spec = guest->boot_;
    spec.kernel = seed.kernel.vmlinux;
    spec.initramfs = seed.initramfs;
    spec.command_line = seed.kernel.command_line + " panic=-1 reboot=t banger.token=" + guest->token_;
    spec.memory_mib = 256;
    spec.forkable = true;
    if (!guest->make_link() || !guest->make_disks({seed.image.root, seed.image.work}))
        return nullptr;
    spec.disks.push_back({"modules", seed.kernel.modules_disk, "raw", true, 0});
    auto machine = use.vmm->attach(spec, use.call);
    if (!did(machine, "boot"))
        return nullptr;
    guest->handle_ = machine->handle;
    return guest->greet(guest->token_) && guest->become(guest->token_) ? std::move(guest) : nullptr;
}

std::unique_ptr<ForkableGuest> ForkableGuest::restore(Providers& use, const Saved& saved, const std::string& name)
{
    std::unique_ptr<ForkableGuest> guest(new ForkableGuest(use, name, saved.disk_format));
    const auto owner = guest->boot_.owner;
    guest->boot_ = saved.boot;
    guest->boot_.owner = owner;
    const sdk::Disk modules = guest->boot_.disks.back();
    if (!guest->make_link() || !guest->make_disks(saved.layers))
        return nullptr;
    guest->boot_.disks.push_back(modules);
    auto machine = use.snapshot->restore({guest->boot_, saved.directory}, use.call);
    if (!did(machine, "restore"))
        return nullptr;
    guest->handle_ = machine->handle;
    if (!did(use.snapshot->resume(guest->handle_), "resume"))
        return nullptr;
    return guest->greet(saved.token) && guest->become(use.host.random_hex(64)) ? std::move(guest) : nullptr;
}

// Opens a session with whom it is now.
bool ForkableGuest::greet(const std::string& token)
{
    auto secret = agent::token_from_hex(token);
    auto channel = use_.vmm->open_channel(handle_, use_.call);
    if (!did(secret, "read a secret") || !did(channel, "open the channel to the agent"))
        return false;
    agent_ = guest::AgentClient::open(use_.loop, std::move(*channel), *secret);
    return did(agent_->wait_connected(patient()), "greet the agent of " + name_);
}

// From here on it is somebody of its own.
bool ForkableGuest::become(const std::string& token)
{
    agent::Configuration configuration;
    configuration.token = token;
    configuration.hostname = name_;
    configuration.init = "banger";
    configuration.clock_ns = clock_now();
    configuration.seed = use_.host.random_hex(128);  // hexadecimal digits are base64, too
    for (const auto& disk : boot_.disks)
        configuration.disks.push_back(
            {disk.role, disk.role == "root" ? "/" : disk.role == "work" ? "/root" : "/lib/modules", disk.read_only});
    if (!did(agent_->configure(configuration, patient()), "configure " + name_))
        return false;
    token_ = token;
    return greet(token_);
}

std::vector<sdk::Attached<sdk::Freeze>> ForkableGuest::begin_freezes()
{
    std::vector<sdk::Attached<sdk::Freeze>> freezes;
    for (const auto& spec : specs_) {
        const std::string layer = use_.host.vms_directory() + "/layer-" + spec.role + "-" + use_.host.random_hex(6);
        auto begun = use_.fork->attach({spec, layer}, use_.call);
        if (did(begun, "begin the freeze of " + spec.role))
            freezes.push_back(std::move(*begun));
    }
    return freezes;
}

// Leaves the machine standing: from begin_save to the end of finish_save.
bool ForkableGuest::save_at_one_instant(Saved& saved, const std::vector<sdk::Attached<sdk::Freeze>>& freezes)
{
    const sdk::SaveSpec save{saved.directory, {}};
    if (!did(use_.snapshot->begin_save(handle_, save, use_.call), "begin to save " + name_))
        return false;
    std::vector<sdk::Disk> tops;
    for (const auto& [freeze, handle] : freezes)
        if (freeze.top)
            tops.push_back(*freeze.top);
    if (!did(use_.snapshot->swap_disks(handle_, tops), "move " + name_ + " to its new tops"))
        return false;
    for (const auto& [freeze, handle] : freezes) {
        auto layer = use_.fork->commit(handle);
        if (!did(layer, "freeze a disk of " + name_))
            return false;
        saved.layers.push_back(*layer);
    }
    return did(use_.snapshot->finish_save(handle_, save, use_.call), "save " + name_);
}

std::unique_ptr<Saved> ForkableGuest::save()
{
    auto saved = std::make_unique<Saved>();
    saved->directory = use_.host.vms_directory() + "/save-" + use_.host.random_hex(6);
    saved->boot = boot_;
    saved->disk_format = disk_format_;
    saved->token = token_;
    if (!did(os::make_private_directory(saved->directory), "make a directory"))
        return nullptr;
    const auto freezes = begin_freezes();
    const bool whole = freezes.size() == roles.size() && save_at_one_instant(*saved, freezes);
    const bool goes_on = did(use_.snapshot->resume(handle_), "resume " + name_);
    if (!whole || !goes_on || !did(use_.snapshot->seal_save({saved->directory, {}}, use_.call), "seal the save"))
        return nullptr;
    for (std::size_t i = 0; i < freezes.size(); ++i) {
        if (freezes[i].value.top) {
            specs_[i].layer = saved->layers[i];
            boot_.disks[i] = *freezes[i].value.top;
        }
        if (!did(use_.fork->release(freezes[i].handle), "forget the freeze of a disk"))
            return nullptr;
    }
    return greet(token_) ? std::move(saved) : nullptr;  // the save may have ended the session
}

std::string ForkableGuest::sh(const std::string& script)
{
    agent::ExecSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    spec.cwd = "/";
    auto result = agent_->run(spec, {}, patient());
    if (!did(result, name_ + ": " + script))
        return {};
    EXPECT_EQ(result->exit.shell_code(), 0) << name_ << ": " << script << ": " << result->out << result->err;
    return result->out;
}

void ForkableGuest::power_off()
{
    const auto process = os::identify(static_cast<pid_t>(std::stol(handle_.bound.at("pid"))));
    if (!did(process, "find the VMM of " + name_) || !did(agent_->shutdown(patient()), "power off " + name_))
        return;
    (void)did(os::kill_and_wait(*process, 0, patience), "wait for the end of " + name_);
}

std::vector<sdk::Disk> ForkableGuest::disks() const
{
    return {boot_.disks.begin(), boot_.disks.begin() + static_cast<std::ptrdiff_t>(roles.size())};
}

std::string ForkableGuest::fact(const std::string& name) const
{
    const auto inspection = use_.vmm->inspect(handle_);
    if (!did(inspection, "look at the VMM of " + name_))
        return {};
    const auto found = inspection->facts.find(name);
    return found == inspection->facts.end() ? std::string() : found->second;
}

}  // namespace banger::integration
