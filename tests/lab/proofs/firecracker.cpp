// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// Decision 14: a VM of Debian's kernel, our initramfs and our agent on Firecracker is booted, saved, restored twice in
// other directories on other taps while it goes on itself, and one of the copies is saved again.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <thread>

#include "banger/sdk/agent_channel.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/base/base64.hpp"
#include "core/guest/agent_client.hpp"
#include "core/guest/initramfs.hpp"
#include "core/images/image_store.hpp"
#include "core/images/kernel_store.hpp"
#include "tests/lab/proofs/firecracker_process.hpp"

namespace banger::proofs {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds patience{240};
constexpr std::uint64_t disk_bytes = 1U << 30U;
constexpr std::uint16_t tap_port = 7000;

double milliseconds_since(Clock::time_point start)
{
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void figure(const std::string& what, double number, const char* unit = "ms")
{
    std::printf("figure: %-44s %10.1f %s\n", what.c_str(), number, unit);
    std::fflush(stdout);
}

double allocated_mib(const std::string& path)
{
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 ? static_cast<double>(facts.st_blocks) / 2048 : -1;
}

std::string from_environment(const char* name)
{
    const char* set = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    return set != nullptr ? set : "";
}

template <typename T>
void must(const sdk::Result<T>& result, const std::string& what)
{
    if (!result)
        throw std::runtime_error(what + ": " + result.error().message);
}

template <typename T>
T take(sdk::Result<T> result, const std::string& what)
{
    must(result, what);
    return *std::move(result);
}

std::string run_here(std::vector<std::string> argv, const std::vector<int>& good = {0})
{
    sdk::os::Command command;
    command.argv = std::move(argv);
    const auto name = command.argv.front();
    auto output = take(sdk::os::run(std::move(command)), name);
    EXPECT_NE(std::find(good.begin(), good.end(), output.status), good.end()) << name << output.out << output.err;
    return output.out;
}

/// A tap of this network namespace, and somebody who listens on its address and nowhere else.
class Tap {
public:
    explicit Tap(int number) : name_("fc-tap" + std::to_string(number)), net_("10.77." + std::to_string(number) + ".")
    {
        run_here({"ip", "tuntap", "add", name_, "mode", "tap"});
        run_here({"ip", "address", "add", net_ + "1/24", "dev", name_});
        run_here({"ip", "link", "set", name_, "up"});
        listener_.reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(tap_port);
        inet_pton(AF_INET, (net_ + "1").c_str(), &address.sin_addr);
        if (setsockopt(listener_.get(), SOL_SOCKET, SO_BINDTODEVICE, name_.c_str(),
                       static_cast<socklen_t>(name_.size())) != 0 ||
            bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener_.get(), 4) != 0)
            throw std::runtime_error("listen on " + name_);
    }

    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() { run_here({"ip", "link", "delete", name_}); }

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::string host() const { return net_ + "1"; }
    [[nodiscard]] std::string mac() const { return "52:54:00:77:00:0" + std::string(1, name_.back()); }
    [[nodiscard]] agent::Configuration::Link link() const { return {mac(), net_ + "2/24", host(), {}}; }

    /// What the next caller said, after its address.
    [[nodiscard]] std::string caller() const
    {
        must(sdk::os::wait_readable(listener_.get(), -1, Clock::now() + patience), "wait for a call on " + name_);
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        const sdk::os::UniqueFd call(accept(listener_.get(), reinterpret_cast<sockaddr*>(&peer), &size));
        std::array<char, INET_ADDRSTRLEN> text{};
        std::string said = inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
        said += ' ';
        char byte = 0;
        while (read(call.get(), &byte, 1) == 1)
            said += byte;
        return said;
    }

private:
    std::string name_;
    std::string net_;
    sdk::os::UniqueFd listener_;
};

/// The loop that sessions with agents need.
class SessionLoop {
public:
    SessionLoop() : work_(boost::asio::make_work_guard(loop_)), thread_([this] { loop_.run(); }) {}
    ~SessionLoop()
    {
        loop_.stop();
        thread_.join();
    }
    SessionLoop(const SessionLoop&) = delete;
    SessionLoop& operator=(const SessionLoop&) = delete;
    boost::asio::io_context& get() { return loop_; }

private:
    boost::asio::io_context loop_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

/// One VM: a directory with disks under fixed names, a VMM that works there, a session with its agent.
class Guest {
public:
    Guest(SessionLoop& loop, const sdk::testing::FakeHost& host, std::string name)
        : loop_(loop), name_(std::move(name)), directory_(host.directory() + "/" + name_)
    {
        must(sdk::os::make_private_directory(directory_), "make " + directory_);
    }

    [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
    Firecracker& vmm() { return *vmm_; }
    guest::AgentClient& agent() { return *agent_; }

    void start_vmm() { vmm_.emplace(take(Firecracker::start(directory_, name_), "start firecracker")); }

    void put_drive(const std::string& role, bool read_only)
    {
        // "Unsafe", the default, never flushes: what a guest has fsynced would not survive its host.
        must(vmm_->put("drives/" + role, R"({"drive_id":")" + role + R"(","path_on_host":")" + role +
                                             R"(.disk","is_root_device":false,"is_read_only":)" +
                                             (read_only ? "true" : "false") + R"(,"cache_type":"Writeback"})"),
             "drive " + role);
    }

    /// What opens a session with it. A copy knows its parent's secret until it has one of its own.
    void set_secret(std::string hex) { secret_ = std::move(hex); }
    [[nodiscard]] const std::string& secret() const { return secret_; }

    std::shared_ptr<guest::AgentClient> greet(const std::string& secret)
    {
        auto channel = take(vmm_->dial(sdk::agent_vsock_port, Clock::now() + patience), "dial the agent of " + name_);
        return guest::AgentClient::open(loop_.get(), std::move(channel), take(agent::token_from_hex(secret), "secret"));
    }

    /// One dial: it has to wait for the guest's driver by itself.
    void connect()
    {
        agent_ = greet(secret_);
        must(agent_->wait_connected(guest::Patience::of(patience)), "greet the agent of " + name_);
    }

    agent::GuestFacts configure(const Tap& tap, const std::string& init = "banger")
    {
        agent::Configuration configuration;
        configuration.hostname = name_;
        configuration.machine_id = sdk::testing::FakeHost::random_hex(32);
        configuration.init = init;
        configuration.clock_ns =
            std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count();
        configuration.seed = base::to_base64(sdk::testing::FakeHost::random_hex(64));
        // Firecracker's disks carry no serial that we could choose: they are told apart by their order.
        configuration.disks = {{"root", "/", false}, {"work", "/root", false}, {"modules", "/lib/modules", true}};
        configuration.network = {tap.link()};
        configuration.token = secret_;
        return take(agent_->configure(configuration, guest::Patience::of(patience)), "configure " + name_);
    }

    /// A shell command in the guest, to its end: its output.
    std::string sh(const std::string& line, int expected = 0)
    {
        agent::ExecSpec spec;
        spec.argv = {"/bin/bash", "-c", line};
        spec.cwd = "/";
        auto result = take(agent_->run(spec, {}, guest::Patience::of(patience)), line);
        EXPECT_EQ(result.exit.shell_code(), expected) << name_ << ": " << line << ": " << result.out << result.err;
        if (result.out.ends_with('\n'))
            result.out.pop_back();
        return result.out;
    }

    /// Asks the guest to end and waits for the VMM's end.
    void stop()
    {
        const auto start = Clock::now();
        must(agent_->shutdown(guest::Patience::of(patience)), "shut down " + name_);
        auto status = vmm_->wait_for_end(std::chrono::seconds(60));
        EXPECT_TRUE(status) << name_ << " does not end: " << status.error().message;
        if (status) {
            EXPECT_EQ(*status, 0) << name_;
            figure("asked to stop, to the VMM's end", milliseconds_since(start));
        }
        agent_.reset();
        vmm_.reset();
    }

private:
    SessionLoop& loop_;
    std::string name_;
    std::string directory_;
    std::optional<Firecracker> vmm_;
    std::shared_ptr<guest::AgentClient> agent_;
    std::string secret_;
};

/// The seed's image and kernel, and an initramfs for them.
struct Seed {
    images::Image image;
    images::Kernel kernel;
    std::string initramfs;

    static Seed load(const std::string& directory)
    {
        const std::string home = from_environment("BANGER_PROOF_SEED");
        const images::ImageStore images(home + "/state/images", images::Catalogue::built_in(), {});
        const images::KernelStore kernels(home + "/state/kernels", images::Catalogue::built_in(), {});
        Seed seed{take(images.find("debian-bookworm-minimal"), "BANGER_PROOF_SEED"),
                  take(kernels.find("debian-cloud"), "BANGER_PROOF_SEED"), directory + "/initramfs.cpio"};
        must(guest::build_initramfs(seed.kernel.modules_directory, seed.kernel.version,
                                    from_environment("BANGER_PROOF_AGENT"), seed.initramfs),
             "build the initramfs");
        return seed;
    }
};

void copy_sparse(const std::string& from, const std::string& to)
{
    run_here({"cp", "--sparse=always", "--reflink=auto", "--no-preserve=mode", from, to});
}

std::string state_of(const std::string& vm_state)
{
    return R"({"state":")" + vm_state + R"("})";
}

class FirecrackerProof : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        // The taps are nobody's but this process's, whatever machine it runs on.
        ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "no network namespace of its own";
        run_here({"ip", "link", "set", "lo", "up"});
    }

    void TearDown() override
    {
        if (!HasFailure())
            return;
        for (const auto& entry : fs::directory_iterator(host_.directory())) {
            const auto text = sdk::os::read_file(entry.path() / "console.log").value_or("");
            if (!text.empty())
                std::printf("-- end of the console of %s:\n%s\n", entry.path().filename().c_str(),
                            text.substr(text.size() - std::min<std::size_t>(text.size(), 6000)).c_str());
        }
    }

    void boot(Guest& vm, const Tap& tap, const std::string& init = "banger")
    {
        vm.set_secret(sdk::testing::FakeHost::random_hex(64));
        copy_sparse(seed_.image.root.path, vm.path("root.disk"));
        copy_sparse(seed_.image.work.path, vm.path("work.disk"));
        fs::resize_file(vm.path("root.disk"), disk_bytes);
        fs::create_symlink(seed_.kernel.modules_disk, vm.path("modules.disk"));

        auto start = Clock::now();
        vm.start_vmm();
        figure("start firecracker, to its API", milliseconds_since(start));
        start = Clock::now();
        // The later reboot= counts. With 'k', the guest's reboot is Firecracker's regular end; there is no power-off.
        must(vm.vmm().put("boot-source", R"({"kernel_image_path":")" + seed_.kernel.vmlinux + R"(","initrd_path":")" +
                                             seed_.initramfs + R"(","boot_args":")" + seed_.kernel.command_line +
                                             " panic=-1 reboot=t banger.token=" + vm.secret() +
                                             R"( console=ttyS0 reboot=k banger.off=reboot"})"),
             "boot source");
        must(vm.vmm().put("machine-config", R"({"vcpu_count":1,"mem_size_mib":)" + std::to_string(memory_mib_) +
                                                R"(,"track_dirty_pages":true})"),
             "machine");
        vm.put_drive("root", false);
        vm.put_drive("work", false);
        vm.put_drive("modules", true);
        must(vm.vmm().put("network-interfaces/link0", R"({"iface_id":"link0","guest_mac":")" + tap.mac() +
                                                          R"(","host_dev_name":")" + tap.name() + R"("})"),
             "network");
        must(vm.vmm().put("vsock", R"({"guest_cid":3,"uds_path":"agent.sock"})"), "vsock");
        must(vm.vmm().put("entropy", "{}"), "entropy");
        must(vm.vmm().put("actions", R"({"action_type":"InstanceStart"})"), "boot");
        figure("configure it, to running processors", milliseconds_since(start));
        start = Clock::now();
        vm.connect();
        figure("running processors, to the agent's greeting", milliseconds_since(start));
        start = Clock::now();
        const auto facts = vm.configure(tap, init);
        figure("configure the guest", milliseconds_since(start));
        for (const auto& span : facts.spans)
            std::printf("  guest: %-18s at %8.1f ms, took %8.1f ms\n", span.name.c_str(), span.start_ms,
                        span.duration_ms);
        EXPECT_GT(facts.root_bytes, disk_bytes / 10 * 9) << "the root did not grow";
    }

    /// Pauses the VM and writes its memory and devices to files; it stays paused. The time that took, in milliseconds.
    double save_memory(Guest& vm, const std::string& type, const std::string& into)
    {
        must(sdk::os::make_private_directory(into), into);
        const auto start = Clock::now();
        must(vm.vmm().patch("vm", state_of("Paused")), "pause");
        figure(type + " save: pause", milliseconds_since(start));
        must(vm.vmm().put("snapshot/create", R"({"snapshot_type":")" + type + R"(","snapshot_path":")" + into +
                                                 R"(/vm.state","mem_file_path":")" + into + R"(/vm.memory"})"),
             "save");
        const double took = milliseconds_since(start);
        figure(type + " save: with memory and devices", took);
        figure(type + " save: memory file", allocated_mib(into + "/vm.memory"), "MiB");
        return took;
    }

    /// Everything of a VM at one instant: the disks are copied while it is paused, and it stays so.
    void save(Guest& vm, const std::string& type, const std::string& into)
    {
        save_memory(vm, type, into);
        const auto start = Clock::now();
        for (const char* disk : {"/root.disk", "/work.disk"})
            copy_sparse(vm.path(disk), into + disk);
        figure(type + " save: copy two disks", milliseconds_since(start));
    }

    /// A VM that was saved goes on. Saving has ended its session: Firecracker resets the guest's vsock for it.
    void resume(Guest& vm)
    {
        must(vm.vmm().patch("vm", state_of("Resumed")), "resume");
        EXPECT_FALSE(vm.agent().sync(guest::Patience::of(patience))) << "the session has outlived the save";
        vm.connect();
    }

    static std::string network_override(const Tap& tap)
    {
        return R"(,"network_overrides":[{"iface_id":"link0","host_dev_name":")" + tap.name() + R"("}])";
    }

    static sdk::Result<std::string> load(Guest& vm, const std::string& from, const std::string& memory,
                                         const std::string& overrides)
    {
        return vm.vmm().put("snapshot/load", R"({"snapshot_path":")" + from +
                                                 R"(/vm.state","mem_backend":{"backend_type":"File","backend_path":")" +
                                                 memory + R"("},"track_dirty_pages":true,"resume_vm":true)" +
                                                 overrides + "}");
    }

    void put_disks(Guest& vm, const std::string& from)
    {
        for (const char* disk : {"root.disk", "work.disk"})
            copy_sparse(from + "/" + disk, vm.path(disk));
        fs::create_symlink(seed_.kernel.modules_disk, vm.path("modules.disk"));
    }

    /// A copy in a directory of its own, on a tap of its own, as far as its agent's first answer.
    void restore(Guest& vm, const Guest& parent, const std::string& from, const std::string& memory, const Tap& tap)
    {
        vm.set_secret(parent.secret());
        put_disks(vm, from);
        const auto begin = Clock::now();
        vm.start_vmm();
        auto start = Clock::now();
        must(load(vm, from, memory, network_override(tap)), "load");
        figure("restore: load, to running processors", milliseconds_since(start));
        vm.connect();
        figure("restore: all, to the agent's greeting", milliseconds_since(begin));
        EXPECT_EQ(vm.sh("cat /run/remembered"), "only in memory");
        figure("restore: all, to the first command's end", milliseconds_since(begin));
        start = Clock::now();
        vm.set_secret(sdk::testing::FakeHost::random_hex(64));
        vm.configure(tap);
        figure("restore: identity of its own", milliseconds_since(start));
    }

    /// It is who it should be, to itself and to the network, through its own tap.
    void check_identity(Guest& vm, const std::string& name, const Tap& tap)
    {
        EXPECT_EQ(vm.sh("hostname"), name);
        vm.sh("exec 3<>/dev/tcp/" + tap.host() + "/" + std::to_string(tap_port) + "; echo -n $(hostname) >&3");
        const auto address = tap.link().address;
        EXPECT_EQ(tap.caller(), address.substr(0, address.find('/')) + " " + name);
    }

    static void check_disks(const std::string& directory)
    {
        for (const char* disk : {"/root.disk", "/work.disk"})
            run_here({"e2fsck", "-fn", directory + disk});
    }

    unsigned memory_mib_ = 256;
    sdk::testing::FakeHost host_;
    Seed seed_ = Seed::load(host_.directory());
    SessionLoop loop_;
};

/// Data blocks of `change` on top of a copy of `base`: what a difference of memory is relative to.
void lay_over(const std::string& base, const std::string& change, const std::string& out)
{
    copy_sparse(base, out);
    const sdk::os::UniqueFd from(open(change.c_str(), O_RDONLY | O_CLOEXEC));
    const sdk::os::UniqueFd to(open(out.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(from && to);
    std::vector<char> piece(1U << 20U);
    for (off_t at = 0; (at = lseek(from.get(), at, SEEK_DATA)) >= 0;) {
        const off_t end = lseek(from.get(), at, SEEK_HOLE);
        while (at < end) {
            const auto size = std::min<std::size_t>(piece.size(), static_cast<std::size_t>(end - at));
            const auto got = pread(from.get(), piece.data(), size, at);
            ASSERT_GT(got, 0);
            ASSERT_EQ(pwrite(to.get(), piece.data(), static_cast<std::size_t>(got), at), got);
            at += got;
        }
    }
}

TEST_F(FirecrackerProof, BootsSavesAndForks)
{
    const std::array<Tap, 4> taps{Tap(1), Tap(2), Tap(3), Tap(4)};
    Guest parent(loop_, host_, "parent");
    boot(parent, taps[0]);
    check_identity(parent, "parent", taps[0]);
    const std::string parent_id = parent.sh("cat /etc/machine-id");
    std::printf(
        "%s\n",
        parent
            .sh("uname -r; lsmod | awk '{print $1}' | sort | tr '\\n' ' '; nproc; lsblk -no "
                "NAME,SERIAL,RO,SIZE,MOUNTPOINTS; cat /sys/devices/system/clocksource/clocksource0/current_clocksource")
            .c_str());
    parent.sh(
        "echo -n 'on disk' > /var/fsynced; sync /var/fsynced; echo -n 'on work' > /root/fsynced; sync /root/fsynced");
    parent.sh("echo -n 'only in memory' > /run/remembered");
    parent.sh(
        "setsid bash -c 'n=0; while :; do n=$((n+1)); echo $n > /run/count; sleep 0.2; done' >/dev/null 2>&1 "
        "</dev/null &");

    const std::string saved = host_.directory() + "/saved";
    save(parent, "Full", saved);
    // The parent goes on, on new tops: what was saved is never written again.
    auto start = Clock::now();
    copy_sparse(saved + "/root.disk", parent.path("root.next"));
    must(parent.vmm().patch("drives/root", R"({"drive_id":"root","path_on_host":"root.next"})"), "swap a disk");
    resume(parent);
    figure("swap a disk (a copy of it), to a new session", milliseconds_since(start));
    parent.sh("echo -n 'parent only' > /var/after; sync");
    check_identity(parent, "parent", taps[0]);

    // Without a tap of its own a copy asks for its parent's, which is taken.
    Guest stray(loop_, host_, "stray");
    put_disks(stray, saved);
    stray.start_vmm();
    const auto refused = load(stray, saved, saved + "/vm.memory", "");
    ASSERT_FALSE(refused);
    std::printf("without an override: %s\n", refused.error().message.c_str());

    // Both stand on the one memory file, privately mapped, and run at the same time.
    Guest left(loop_, host_, "left");
    Guest right(loop_, host_, "right");
    restore(left, parent, saved, saved + "/vm.memory", taps[1]);
    restore(right, parent, saved, saved + "/vm.memory", taps[2]);
    for (auto [vm, name, tap] : {std::tuple(&left, "left", &taps[1]), std::tuple(&right, "right", &taps[2])}) {
        check_identity(*vm, name, *tap);
        EXPECT_NE(vm->sh("cat /etc/machine-id"), parent_id);
        EXPECT_EQ(vm->sh("cat /var/fsynced /root/fsynced"), "on diskon work");
        vm->sh("test -e /var/after", 1);
        EXPECT_EQ(vm->sh("a=$(cat /run/count); sleep 1; test $(cat /run/count) -gt $a && echo counts"), "counts");
        vm->sh(std::string("echo -n '") + name + " only' > /var/mine; sync");
    }
    // The secret of the parent opens neither of its copies any more; their own does.
    EXPECT_FALSE(left.greet(parent.secret())->wait_connected(guest::Patience::of(std::chrono::seconds(3))));
    left.connect();
    EXPECT_EQ(left.sh("cat /var/mine"), "left only");
    EXPECT_EQ(right.sh("cat /var/mine"), "right only");
    check_identity(parent, "parent", taps[0]);
    left.sh("echo -n 'in left memory' > /run/left");

    // A fork of a fork: only what changed since the restore is written; it is laid over what the parent had saved.
    const std::string again = host_.directory() + "/again";
    save(left, "Diff", again);
    resume(left);
    start = Clock::now();
    lay_over(saved + "/vm.memory", again + "/vm.memory", again + "/whole.memory");
    figure("lay the difference over what it stands on", milliseconds_since(start));
    Guest grandchild(loop_, host_, "grandchild");
    restore(grandchild, left, again, again + "/whole.memory", taps[3]);
    check_identity(grandchild, "grandchild", taps[3]);
    EXPECT_EQ(grandchild.sh("cat /run/left /var/mine /var/fsynced"), "in left memoryleft onlyon disk");
    check_identity(left, "left", taps[1]);

    for (Guest* vm : {&parent, &left, &right, &grandchild})
        vm->stop();
    fs::rename(parent.path("root.disk"), parent.path("root.frozen"));
    fs::rename(parent.path("root.next"), parent.path("root.disk"));
    for (const char* name : {"parent", "left", "right", "grandchild"})
        check_disks(host_.directory() + "/" + name);
}

TEST_F(FirecrackerProof, TheImagesOwnInitRunsAndEndsTheMachine)
{
    const Tap tap(1);
    Guest vm(loop_, host_, "system");
    boot(vm, tap, "image");
    const auto start = Clock::now();
    const auto state = take(vm.agent().wait_ready(guest::Patience::of(patience)), "wait for the system");
    figure("configured, to a system that is " + state, milliseconds_since(start));
    EXPECT_EQ(vm.sh("cat /proc/1/comm"), "systemd");
    check_identity(vm, "system", tap);
    vm.stop();
    check_disks(vm.path(""));
}

TEST_F(FirecrackerProof, ADifferenceIsSavedInAFractionOfThePause)
{
    std::vector<double> full;
    std::vector<double> difference;
    for (const unsigned memory_mib : {256U, 1024U}) {
        std::printf("-- a guest of %u MiB, a quarter of it written\n", memory_mib);
        memory_mib_ = memory_mib;
        const std::string name = "of" + std::to_string(memory_mib);
        const Tap tap(1);
        Guest vm(loop_, host_, name);
        boot(vm, tap);
        vm.sh("head -c " + std::to_string(memory_mib / 4) + "M /dev/zero > /dev/shm/fill");
        full.push_back(save_memory(vm, "Full", host_.directory() + "/" + name + "-full"));
        resume(vm);
        vm.sh("head -c 1M /dev/zero > /dev/shm/change");
        double shortest = std::numeric_limits<double>::max();
        for (int i = 0; i < 3; ++i) {
            shortest = std::min(shortest, save_memory(vm, "Diff", host_.directory() + "/" + name + "-diff"));
            resume(vm);
        }
        difference.push_back(shortest);
        vm.stop();
        EXPECT_GE(allocated_mib(host_.directory() + "/" + name + "-full/vm.memory"), memory_mib);
        EXPECT_LT(allocated_mib(host_.directory() + "/" + name + "-diff/vm.memory"), 32);
    }
    EXPECT_LT(difference[1], full[1] / 4);
}

}  // namespace
}  // namespace banger::proofs
