// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/proofs/live_fork.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "banger/sdk/os/file.hpp"
#include "command_line.hpp"
#include "config.hpp"

namespace banger::proofs {
namespace {

namespace os = sdk::os;

constexpr std::chrono::seconds patience_for_qemu{180};
constexpr std::chrono::seconds patience_for_guest{180};
constexpr std::uint64_t disk_bytes = 2ULL << 30U;
constexpr int state_descriptor = 9;
constexpr std::uint32_t translation_cache_mib = 128;

std::uint64_t number_in(const std::string& json, const char* object, const char* key)
{
    rapidjson::Document document;
    document.Parse(json.data(), json.size());
    if (!document.IsObject() || !document.HasMember(object) || !document[object].HasMember(key))
        return 0;
    return document[object][key].GetUint64();
}

void drop_option(std::vector<std::string>& argv, const std::string& option)
{
    const auto at = std::find(argv.begin(), argv.end(), option);
    if (at != argv.end())
        argv.erase(at, at + 2);
}

/// The name of the block of memory is part of what is saved: it has to be that of a machine without such an option.
void put_memory_into_file(std::vector<std::string>& argv, const sdk::BootSpec& spec, const std::string& path,
                          bool share)
{
    *(std::find(argv.begin(), argv.end(), "-machine") + 1) += ",memory-backend=pc.ram";
    argv.insert(argv.end(), {"-object", "memory-backend-file,id=pc.ram,x-use-canonical-path-for-ramblock-id=off,size=" +
                                            std::to_string(spec.memory_mib) + "M,mem-path=" + path +
                                            ",share=" + (share ? "on" : "off")});
}

/// Exactly these: one that was set for another migration of the same machine would do harm.
std::string capabilities(const std::vector<std::string>& wanted)
{
    std::string list;
    for (const char* name : {"events", "pause-before-switchover", "x-ignore-shared"}) {
        const bool on = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
        list += std::string(list.empty() ? "" : ",") + R"({"capability":")" + name + R"(","state":)" +
                (on ? "true}" : "false}");
    }
    return R"({"capabilities":[)" + list + "]}";
}

void make_overlay(const std::string& path, const sdk::Disk& over)
{
    // Unchecked: a running machine has the file below open for writing, and qemu-img would refuse to look at it.
    run_here({"qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", over.format, "-b", over.path, path,
              std::to_string(disk_bytes)});
}

std::int64_t clock_now()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void flush(const std::string& path)
{
    const os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::fdatasync(fd.get()), 0) << path;
}

}  // namespace

/// A QEMU that never runs a processor: it takes a machine's memory into a file, and then writes the devices' state. Its
/// devices are those of the machine, but no disk is behind them.
class Machine::Reader {
public:
    Reader(const Machine& of, const Saved& saved) : saved_(saved), machine_(of.place_, of.name_ + "'s reader")
    {
        const auto owner = machine_.spec_.owner;
        machine_.spec_ = of.spec_;
        machine_.spec_.owner = owner;
    }

    [[nodiscard]] std::string address() const { return machine_.directory() + "/memory.sock"; }

    /// Afterwards it listens at its address.
    bool open()
    {
        auto argv = machine_.argv_as(machine_.spec_);
        for (const char* option : {"-kernel", "-initrd", "-append"})
            drop_option(argv, option);
        std::size_t disk = 0;
        for (auto at = argv.begin(); at != argv.end(); ++at)
            if (*at == "-blockdev")
                *(at + 1) = no_disk(machine_.spec_.disks[disk++]);
        put_memory_into_file(argv, machine_.spec_, saved_.ram, true);
        argv.insert(argv.end(), {"-S", "-incoming", "defer"});
        if (!machine_.start(argv, {}))
            return false;
        machine_.monitor_->command("migrate-set-capabilities", capabilities({"events"}));
        machine_.monitor_->command("migrate-incoming", R"({"uri":"unix:)" + address() + R"("})");
        return true;
    }

    /// Writes the devices' state, once all is here, and ends.
    void finish()
    {
        auto& monitor = *machine_.monitor_;
        monitor.wait_for("MIGRATION", "completed");
        monitor.forget_events();
        monitor.command("migrate-set-capabilities", capabilities({"events", "x-ignore-shared"}));
        const os::UniqueFd state(::open(saved_.state.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        monitor.give(state.get(), "state");
        monitor.command("migrate", R"({"uri":"fd:state"})");
        monitor.wait_for("MIGRATION", "completed");
    }

private:
    static std::string no_disk(const sdk::Disk& disk)
    {
        return R"({"driver":"null-co","read-zeroes":true,"node-name":")" + disk.role + R"(","size":)" +
               std::to_string(disk_bytes) + R"(,"read-only":)" + (disk.read_only ? "true}" : "false}");
    }

    const Saved& saved_;
    Machine machine_;
};

Machine::Machine(const Place& place, std::string name) : place_(place), name_(std::move(name))
{
    spec_.owner = place.host.new_owner();
    sdk::testing::FakeCall call;
    qemu::AcceleratorProbe probe(place.host, qemu::Config{});
    auto found = probe.look(call);
    EXPECT_TRUE(found);
    qemu_ = found.value_or(qemu::Installation{});
}

Machine::~Machine()
{
    agent_.reset();
    monitor_.reset();
    if (handle_) {
        EXPECT_TRUE(process_.release(*handle_));
    }
    if (::testing::Test::HasFailure())
        std::fprintf(stderr, "--- console of %s ends with\n%s\n", name_.c_str(),
                     [&] {
                         const auto text = os::read_file(directory() + "/console.log").value_or({});
                         return text.substr(text.size() > 1500 ? text.size() - 1500 : 0);
                     }()
                         .c_str());
}

std::vector<std::string> Machine::argv_as(const sdk::BootSpec& spec) const
{
    return qemu::command_line(
        spec, {qemu_.program, qemu_.accelerator, translation_cache_mib, std::vector<bool>(spec.disks.size(), false)});
}

bool Machine::start(std::vector<std::string> argv, const std::vector<std::pair<int, int>>& descriptors)
{
    auto launch = sdk::VmmLaunch::prepare(process_, spec_.owner, true);
    if (!launch) {
        ADD_FAILURE() << launch.error().message;
        return false;
    }
    os::Command command;
    command.argv = std::move(argv);
    command.descriptors = descriptors;
    command.descriptors.emplace_back(launch->sockets().api.get(), qemu::api_descriptor);
    command.descriptors.emplace_back(launch->sockets().agent.get(), qemu::agent_descriptor);
    sdk::testing::FakeCall call;
    auto api = launch->start(std::move(command), "qemu.log", call);
    if (!api) {
        ADD_FAILURE() << name_ << ": " << api.error().message;
        return false;
    }
    monitor_.emplace(std::move(*api));
    handle_ = launch->keep();
    return true;
}

std::unique_ptr<Machine> Machine::boot(const Place& place, const std::string& name, std::uint64_t memory_mib,
                                       const Identity& identity)
{
    std::unique_ptr<Machine> machine(new Machine(place, name));
    auto& spec = machine->spec_;
    spec.kernel = place.seed.kernel.vmlinux;
    spec.initramfs = place.seed.initramfs;
    spec.command_line =
        place.seed.kernel.command_line + " panic=-1 reboot=t banger.token=" + identity.configuration.token;
    spec.memory_mib = memory_mib;
    const std::array layers{std::pair{"root", place.seed.image.root.path},
                            std::pair{"work", place.seed.image.work.path}};
    for (const auto& [role, layer] : layers) {
        spec.disks.push_back({role, machine->directory() + "/" + role + "-0.qcow2", "qcow2", false, disk_bytes});
        make_overlay(spec.disks.back().path, {role, layer, "raw", true, 0});
    }
    spec.disks.push_back({"modules", place.seed.kernel.modules_disk, "raw", true, 0});
    spec.links.push_back({{"user-restricted", {}}, identity.configuration.network.at(0).mac, "", "", {}});
    machine->nodes_ = {"root", "work"};
    machine->token_ = identity.token;
    if (!machine->start(machine->argv_as(spec), {}))
        return nullptr;
    auto configuration = identity.configuration;
    for (const auto& disk : spec.disks)
        configuration.disks.push_back({disk.role,
                                       disk.role == "root"   ? "/"
                                       : disk.role == "work" ? "/root"
                                                             : "/lib/modules",
                                       disk.read_only});
    if (!machine->greet(identity.token, patience_for_guest))
        return nullptr;
    configuration.clock_ns = clock_now();
    auto facts = machine->agent_->configure(configuration, guest::Patience::of(patience_for_guest));
    EXPECT_TRUE(facts) << facts.error().message;
    auto ready = machine->agent_->wait_ready(guest::Patience::of(patience_for_guest));
    EXPECT_TRUE(ready) << ready.error().message;
    return facts && ready ? std::move(machine) : nullptr;
}

std::unique_ptr<Machine> Machine::restore(const Place& place, const std::string& name, const Saved& saved,
                                          double& took_ms)
{
    std::unique_ptr<Machine> machine(new Machine(place, name));
    const auto owner = machine->spec_.owner;
    auto& spec = machine->spec_;
    spec = saved.shape;
    spec.owner = owner;
    for (std::size_t i = 0; i < spec.disks.size(); ++i)
        if (!spec.disks[i].read_only) {
            spec.disks[i].path = owner.directory + "/" + spec.disks[i].role + "-0.qcow2";
            make_overlay(spec.disks[i].path, saved.layers[i]);
            machine->nodes_.push_back(spec.disks[i].role);
        }
    auto argv = machine->argv_as(spec);
    for (const char* option : {"-kernel", "-initrd", "-append"})
        drop_option(argv, option);
    put_memory_into_file(argv, spec, saved.ram, false);
    argv.insert(argv.end(), {"-S", "-incoming", "defer"});
    const os::UniqueFd state(::open(saved.state.c_str(), O_RDONLY | O_CLOEXEC));
    const auto start = Clock::now();
    if (!machine->start(argv, {{state.get(), state_descriptor}}))
        return nullptr;
    auto& monitor = *machine->monitor_;
    monitor.command("migrate-set-capabilities", capabilities({"events", "x-ignore-shared"}));
    machine->set_links(false);  // on the link it would still be the other
    monitor.command("migrate-incoming", R"({"uri":"fd:)" + std::to_string(state_descriptor) + R"("})");
    monitor.wait_for("MIGRATION", "completed");
    monitor.command("cont");
    monitor.wait_for("RESUME");
    took_ms = milliseconds_since(start);
    machine->token_ = saved.token;
    return machine;
}

void Machine::set_links(bool up)
{
    for (std::size_t i = 0; i < spec_.links.size(); ++i)
        monitor_->command("set_link",
                          R"({"name":"link)" + std::to_string(i) + R"(","up":)" + (up ? "true}" : "false}"));
}

bool Machine::greet(const agent::Token& token, std::chrono::milliseconds patience)
{
    agent_.reset();
    // The port takes one client, and learns of the end of the last one when QEMU does: bytes sent meanwhile wait.
    auto channel = os::try_connect_unix(directory() + "/" + sdk::agent_socket_name);
    if (!channel)
        return false;
    agent_ = guest::AgentClient::open(place_.loop, std::move(*channel), token);
    return agent_->wait_connected(guest::Patience::of(patience)).has_value();
}

bool Machine::answers_to(const agent::Token& token, std::chrono::milliseconds patience)
{
    return greet(token, patience);
}

void Machine::become(const Identity& identity)
{
    ASSERT_TRUE(greet(token_, patience_for_guest)) << name_ << " does not answer to the one it was";
    auto configuration = identity.configuration;
    configuration.clock_ns = clock_now();
    auto facts = agent_->configure(configuration, guest::Patience::of(patience_for_guest));
    ASSERT_TRUE(facts) << facts.error().message;
    set_links(true);
    token_ = identity.token;
    ASSERT_TRUE(greet(token_, patience_for_guest)) << name_ << " does not answer to its own secret";
}

std::string Machine::run(const std::vector<std::string>& argv)
{
    agent::ExecSpec spec;
    spec.argv = argv;
    spec.cwd = "/";
    auto result = agent_->run(spec, {}, guest::Patience::of(patience_for_guest));
    if (!result) {
        ADD_FAILURE() << name_ << ": " << result.error().message;
        return {};
    }
    EXPECT_EQ(result->exit.shell_code(), 0) << name_ << ": " << argv.back() << ": " << result->out << result->err;
    return result->out;
}

void Machine::power_off()
{
    const auto pid = os::identify(static_cast<pid_t>(std::stol(handle_->bound.at("pid"))));
    ASSERT_TRUE(pid);
    auto asked = agent_->shutdown(guest::Patience::of(patience_for_guest));
    EXPECT_TRUE(asked) << asked.error().message;
    EXPECT_TRUE(os::kill_and_wait(*pid, 0, patience_for_guest)) << name_ << " does not power off";
}

/// An empty new top for each disk that is written, known to QEMU and not used yet: all that takes time.
std::vector<std::string> Machine::add_tops()
{
    ++generation_;
    std::vector<std::string> tops;
    for (const auto& disk : spec_.disks) {
        if (disk.read_only)
            continue;
        const std::string node = disk.role + "-" + std::to_string(generation_);
        tops.push_back(directory() + "/" + node + ".qcow2");
        make_overlay(tops.back(), disk);
        flush(tops.back());
        monitor_->command("blockdev-add", R"({"driver":"qcow2","discard":"unmap","backing":null,"node-name":")" + node +
                                              R"(","file":{"driver":"file","filename":")" + tops.back() + R"("}})");
        flush(disk.path);
    }
    return tops;
}

void Machine::switch_disks(const std::vector<std::string>& tops)
{
    std::string actions;
    std::size_t number = 0;
    for (auto& disk : spec_.disks) {
        if (disk.read_only)
            continue;
        const std::string node = disk.role + "-" + std::to_string(generation_);
        actions += std::string(actions.empty() ? "" : ",") + R"({"type":"blockdev-snapshot","data":{"node":")" +
                   nodes_[number] + R"(","overlay":")" + node + R"("}})";
        nodes_[number] = node;
        disk.path = tops[number++];
    }
    monitor_->command("transaction", R"({"actions":[)" + actions + "]}");
}

void Machine::copy_memory(Reader& reader, ForkFigures& figures, bool standing)
{
    monitor_->forget_events();
    monitor_->command("migrate-set-capabilities", capabilities({"events", "pause-before-switchover"}));
    // Under emulation QEMU before 9.0 forgets to tell its processors when it has read which pages they dirtied, and
    // then misses what they write next. With no downtime allowed it reads that once only, when the machine stands.
    monitor_->command("migrate-set-parameters", R"({"max-bandwidth":0,"downtime-limit":0})");
    if (standing)
        monitor_->command("stop");
    const auto start = Clock::now();
    monitor_->command("migrate", R"({"uri":"unix:)" + reader.address() + R"("})");
    monitor_->wait_for("MIGRATION", "pre-switchover");
    figures.copy_ms = milliseconds_since(start);
    const auto progress = monitor_->command("query-migrate");
    EXPECT_EQ(number_in(progress, "ram", "dirty-sync-count"), 1U) << "what was dirtied was read while the machine ran";
    figures.pages = number_in(progress, "ram", "normal");
}

std::optional<Saved> Machine::fork(ForkFigures& figures, bool standing)
{
    const std::string place = place_.host.directory() + "/saved-" + place_.host.random_hex(6);
    EXPECT_EQ(::mkdir(place.c_str(), 0700), 0);
    Saved saved{place + "/ram", place + "/state", spec_.disks, spec_, token_};
    const auto tops = add_tops();

    Reader reader(*this, saved);
    if (!reader.open())
        return std::nullopt;
    copy_memory(reader, figures, standing);
    // The instant. The machine stands; its memory's last pages are still to be copied.
    auto start = Clock::now();
    switch_disks(tops);
    figures.disks_ms = milliseconds_since(start);
    monitor_->command("migrate-continue", R"({"state":"pre-switchover"})");
    figures.rest_ms = monitor_->wait_for("MIGRATION", "completed");
    // It says that it is done a moment before it is, and there is no event for that moment.
    for (const auto deadline = Clock::now() + patience_for_qemu; !monitor_->accepts("cont");)
        if (Clock::now() > deadline) {
            ADD_FAILURE() << name_ << " does not go on";
            return std::nullopt;
        }
    const double stopped = monitor_->wait_for("STOP");
    const double standing_still = monitor_->wait_for("MIGRATION", "pre-switchover");
    figures.pause_ms = monitor_->wait_for("RESUME") - stopped;
    figures.stop_ms = standing_still - stopped;
    figures.rest_ms -= standing_still + figures.disks_ms;
    const auto total = number_in(monitor_->command("query-migrate"), "ram", "normal");
    figures.dirtied = total - figures.pages;
    figures.pages = total;

    start = Clock::now();
    reader.finish();
    figures.state_ms = milliseconds_since(start);
    struct stat facts {};
    EXPECT_EQ(::stat(saved.ram.c_str(), &facts), 0);
    figures.ram_mib = static_cast<std::uint64_t>(facts.st_blocks) * 512 >> 20U;
    return saved;
}

}  // namespace banger::proofs
