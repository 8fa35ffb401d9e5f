// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/proofs/proof_guest.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "core/guest/initramfs.hpp"
#include "guest/protocol/frames.hpp"
#include "qemu_vmm.hpp"
#include "tests/demanded_accelerator.hpp"

namespace banger::proofs {

namespace os = sdk::os;

namespace {

// Emulated machines on a busy host; what takes longer is lost.
constexpr std::chrono::seconds patience_for_boot{180};
constexpr std::chrono::seconds patience_for_call{120};

std::string from_environment(const char* name)
{
    const char* set = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    return set != nullptr ? set : "";
}

}  // namespace

double milliseconds_since(Clock::time_point start)
{
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string run_here(const std::vector<std::string>& argv, const std::vector<int>& good)
{
    sdk::os::Command command;
    command.argv = argv;
    sdk::os::RunLimits limits;
    limits.timeout = std::chrono::minutes(5);
    auto output = sdk::os::run(std::move(command), {}, limits);
    if (!output) {
        ADD_FAILURE() << output.error().message;
        return {};
    }
    EXPECT_NE(std::find(good.begin(), good.end(), output->status), good.end())
        << argv.front() << " ended with status " << output->status << "\n"
        << output->out << output->err;
    return output->out;
}

std::optional<Seed> Seed::load(const std::string& directory)
{
    const std::string home = from_environment("BANGER_PROOF_SEED");
    const images::ImageStore images(home + "/state/images", images::Catalogue::built_in(), {});
    const images::KernelStore kernels(home + "/state/kernels", images::Catalogue::built_in(), {});
    auto image = images.find("debian-bookworm-minimal");
    auto kernel = kernels.find("debian-cloud");
    if (!image || !kernel) {
        ADD_FAILURE() << "BANGER_PROOF_SEED names no home with the proofs' image and kernel: '" << home << "'";
        return std::nullopt;
    }
    Seed seed{*image, *kernel, directory + "/initramfs.cpio"};
    auto built = guest::build_initramfs(kernel->modules_directory, kernel->version,
                                        from_environment("BANGER_PROOF_AGENT"), seed.initramfs);
    if (!built) {
        ADD_FAILURE() << built.error().message;
        return std::nullopt;
    }
    return seed;
}

GuestProgram::GuestProgram(guest::AgentClient& agent, const std::vector<std::string>& argv)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        std::abort();
    socket_.reset(ends[0]);
    agent::ExecSpec spec;
    spec.argv = argv;
    spec.cwd = "/";
    std::string head;
    agent::write_frame(head, agent::FrameType::spec, agent::to_json(spec));
    agent.relay("/v0/exec", head, sdk::os::UniqueFd(ends[1]), [](const sdk::Result<void>& /*how*/) {});
    reader_ = std::thread([this] { read_frames(); });
}

GuestProgram::~GuestProgram()
{
    ::shutdown(socket_.get(), SHUT_RDWR);
    reader_.join();
}

void GuestProgram::read_frames()
{
    agent::FrameReader frames;
    std::array<char, 65536> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (;;) {
        const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
        const std::lock_guard lock(mutex_);
        if (got <= 0) {
            ended_ = true;
            changed_.notify_all();
            return;
        }
        const auto take = [&](agent::FrameType type, std::string_view payload) {
            if (type == agent::FrameType::out && !payload.empty()) {
                longest_silence_ms_ = std::max(longest_silence_ms_, milliseconds_since(last_line_));
                last_line_ = Clock::now();
                lines_ += static_cast<std::uint64_t>(std::count(payload.begin(), payload.end(), '\n'));
            } else if (type == agent::FrameType::err || type == agent::FrameType::error) {
                std::fprintf(stderr, "guest: %.*s\n", static_cast<int>(payload.size()), payload.data());
            }
            return true;
        };
        if (!frames.feed({piece.data(), static_cast<std::size_t>(got)}, take))
            std::abort();
        changed_.notify_all();
    }
}

std::uint64_t GuestProgram::lines() const
{
    const std::lock_guard lock(mutex_);
    return lines_;
}

bool GuestProgram::wait_for_lines(std::uint64_t count, std::chrono::seconds timeout)
{
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return ended_ || lines_ >= count; });
    return lines_ >= count;
}

double GuestProgram::longest_silence_ms()
{
    const std::lock_guard lock(mutex_);
    return std::max(std::exchange(longest_silence_ms_, 0.0), milliseconds_since(last_line_));
}

void GuestProgram::finish()
{
    std::string frame;
    agent::write_frame(frame, agent::FrameType::eof);
    [[maybe_unused]] const auto sent = ::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, patience_for_call, [&] { return ended_; })) << "a program in the guest hangs";
}

ProofGuest::ProofGuest(const Seed& seed, sdk::testing::FakeHost& host, const sdk::Owner& owner,
                       std::vector<sdk::Disk> disks)
    : host_(host), owner_(owner), work_(boost::asio::make_work_guard(loop_))
{
    thread_ = std::thread([this] { loop_.run(); });
    if (!seed.kernel.modules_disk.empty())
        disks.push_back({"modules", seed.kernel.modules_disk, "raw", true, 0});
    up_ = boot(seed, disks) && greet(disks);
    if (!up_)
        ADD_FAILURE() << sdk::os::read_file(owner.directory + "/console.log").value_or("no console");
}

ProofGuest::~ProofGuest()
{
    agent_.reset();
    work_.reset();
    loop_.stop();
    thread_.join();
    if (handle_) {
        EXPECT_TRUE(vmm_->release(*handle_));
    }
}

bool ProofGuest::boot(const Seed& seed, std::vector<sdk::Disk> disks)
{
    const std::string hex = sdk::testing::FakeHost::random_hex(64);
    auto token = agent::token_from_hex(hex);
    auto vmm = tests::on_demanded_accelerator<sdk::Vmm>(
        host_, [this](const std::string& config) { return qemu::make_vmm(host_, config); });
    if (!token || vmm == nullptr)
        return false;
    token_ = *token;
    vmm_ = std::move(vmm);
    sdk::BootSpec spec;
    spec.owner = owner_;
    spec.kernel = seed.kernel.vmlinux;
    spec.initramfs = seed.initramfs;
    spec.command_line = seed.kernel.command_line + " panic=-1 reboot=t banger.token=" + hex;
    spec.memory_mib = 256;
    spec.disks = std::move(disks);
    auto machine = vmm_->attach(spec, call_);
    if (!machine) {
        ADD_FAILURE() << machine.error().message;
        return false;
    }
    handle_ = machine->handle;
    return true;
}

bool ProofGuest::greet(const std::vector<sdk::Disk>& disks)
{
    auto channel = vmm_->open_channel(*handle_, call_);
    if (!channel)
        return false;
    agent_ = guest::AgentClient::open(loop_, std::move(*channel), token_);
    agent::Configuration configuration;
    configuration.hostname = "proof";
    configuration.init = "banger";
    configuration.clock_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    for (const auto& disk : disks) {
        const std::string mount = disk.role == "root" ? "/" : disk.role == "work" ? "/root" : "/lib/modules";
        configuration.disks.push_back({disk.role, mount, disk.read_only});
    }
    auto facts = agent_->configure(configuration, guest::Patience::of(patience_for_boot));
    if (!facts)
        ADD_FAILURE() << facts.error().message;
    return facts.has_value();
}

std::string ProofGuest::run(const std::vector<std::string>& argv)
{
    agent::ExecSpec spec;
    spec.argv = argv;
    spec.cwd = "/";
    auto result = agent_->run(spec, {}, guest::Patience::of(patience_for_call));
    if (!result) {
        ADD_FAILURE() << result.error().message;
        return {};
    }
    EXPECT_EQ(result->exit.shell_code(), 0) << argv.front() << ": " << result->out << result->err;
    return result->out;
}

void ProofGuest::install(const std::string& program, const std::string& path)
{
    auto content = sdk::os::read_file(program);
    ASSERT_TRUE(content) << content.error().message;
    auto wrote = agent_->write_file({path, 0755, 0, 0, false, true}, *content, guest::Patience::of(patience_for_call));
    ASSERT_TRUE(wrote) << wrote.error().message;
}

std::string ProofGuest::qmp(const std::string& command, const std::string& arguments)
{
    const qemu::QmpLimits limits{Clock::now() + patience_for_call};
    if (!qmp_) {
        auto socket = sdk::os::try_connect_unix(owner_.directory + "/" + sdk::api_socket_name);
        auto opened = socket ? qemu::Qmp::open(std::move(*socket), limits) : sdk::Result<qemu::Qmp>(socket.error());
        if (!opened) {
            ADD_FAILURE() << opened.error().message;
            return {};
        }
        qmp_ = std::move(*opened);
    }
    auto answer = qmp_->execute(command, limits, arguments);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer.value_or({});
}

sdk::os::ProcessId ProofGuest::process() const
{
    const auto id = sdk::os::identify(pid());
    return id ? *id : sdk::os::ProcessId{};
}

pid_t ProofGuest::pid() const
{
    return static_cast<pid_t>(std::stol(handle_->bound.at("pid")));
}

std::string ProofGuest::condition()
{
    std::string text = "QEMU says " + qmp("query-status") + "; disks: " + qmp("query-blockstats") + "; threads:\n";
    const std::string tasks = "/proc/" + std::to_string(pid()) + "/task";
    for (const auto& task : os::list_directory(tasks).value_or({}))
        text += os::read_file(tasks + "/" + task + "/comm").value_or({}) + "  " +
                os::read_file(tasks + "/" + task + "/stack").value_or({});
    const std::string console = os::read_file(owner_.directory + "/console.log").value_or({});
    return text + console.substr(console.size() - std::min<std::size_t>(console.size(), 3000));
}

void ProofGuest::power_off()
{
    const auto id = process();
    auto asked = agent_->shutdown(guest::Patience::of(patience_for_call));
    EXPECT_TRUE(asked) << asked.error().message;
    EXPECT_TRUE(sdk::os::kill_and_wait(id, 0, patience_for_call)) << "the guest does not power off";
    qmp_.reset();
}

void ProofGuest::cut()
{
    EXPECT_TRUE(sdk::os::kill_and_wait(process(), SIGKILL, std::chrono::seconds(10)));
    qmp_.reset();
}

}  // namespace banger::proofs
