// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/init/init.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "banger/sdk/agent_channel.hpp"
#include "guest/agent/console.hpp"
#include "guest/agent/guest_init.hpp"
#include "guest/agent/process.hpp"
#include "guest/agent/server.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/agent/vm_agent.hpp"
#include "guest/init/drivers.hpp"
#include "guest/init/minimal_init.hpp"
#include "guest/init/switch_root.hpp"

namespace banger::agent {
namespace {

constexpr int patience_ms = 60'000;

[[noreturn]] void give_up(const std::string& sentence)
{
    say_on_console(sentence);
    sync();
    reboot(ends_by_reboot() ? RB_AUTOBOOT : RB_POWER_OFF);
    for (;;)
        pause();
}

void mount_api_file_systems()
{
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, nullptr);
    mount("sysfs", "/sys", "sysfs", 0, nullptr);
    mount("devtmpfs", "/dev", "devtmpfs", 0, nullptr);
    // An initramfs without /dev/console leaves process 1 without descriptors 0, 1 and 2.
    const int console = open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; console >= 0 && fd <= 2; ++fd)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            dup2(console, fd);
    if (console > 2)
        close(console);
}

/// Renames this process. systemd's last killing spree spares what begins with '@' (its documented interface for storage
/// daemons that live in the initramfs): the agent answers to the very end. The kernel put the environment right behind
/// the arguments, and proc(5) reads on into it.
void rename_process(int argc, char** argv)
{
    constexpr std::string_view name{"@banger-agent\0", 14};
    char* end = argv[argc - 1] + std::strlen(argv[argc - 1]) + 1;
    for (char** variable = environ; *variable != nullptr && *variable == end; ++variable)
        end += std::strlen(*variable) + 1;
    if (static_cast<std::size_t>(end - argv[0]) < name.size())
        return;
    static char* none = nullptr;
    environ = &none;
    std::memset(argv[0], 0, static_cast<std::size_t>(end - argv[0]));
    std::memcpy(argv[0], name.data(), name.size());
    prctl(PR_SET_NAME, "banger-agent");
}

/// What the agent decided: "init " and a path. Empty when it died first.
std::string wait_for_agent(int from_agent)
{
    pollfd waiting{from_agent, POLLIN, 0};
    if (poll(&waiting, 1, patience_ms) == 0)
        say_on_console("no host has configured this machine for 60 s; it goes on waiting");
    std::string message;
    std::array<char, 512> piece;
    for (;;) {
        const auto count = read(from_agent, piece.data(), piece.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return message;
        message.append(piece.data(), static_cast<std::size_t>(count));
    }
}

[[noreturn]] void become_image_init(const std::string& path)
{
    become_ordinary_child();
    std::array<char*, 2> argv{const_cast<char*>(path.c_str()), nullptr};
    std::array<const char*, 3> env{"HOME=/", "TERM=linux", nullptr};
    execve(path.c_str(), argv.data(), const_cast<char* const*>(env.data()));
    give_up("cannot start the image's init " + path + ": " + std::strerror(errno));
}

}  // namespace

void run_init(int argc, char** argv)
{
    // A request to power off that comes before there is an init to take it waits, instead of being lost.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    mount_api_file_systems();
    GuestState guest;  // listens for devices before the first driver is loaded
    const double start = since_boot_ms();
    guest.timeline.add("kernel", 0, start);
    const auto token = token_from_hex(boot_option("banger.token"));
    if (!token)
        give_up("the kernel command line has no usable banger.token");
    auto drivers = drivers_to_load("/modules/order");
    // Listening before the device lives: a host that dials early then waits for us, and is never turned away.
    sdk::os::UniqueFd vsock;
    drivers.load_channel([&] {
        if (auto listener = listen_vsock(sdk::agent_vsock_port))
            vsock = std::move(*listener);
    });
    guest.timeline.add("channel drivers", start, since_boot_ms());

    std::array<int, 2> pipe_ends{};
    if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
        give_up(std::string("cannot make a pipe: ") + std::strerror(errno));
    const pid_t agent = fork();
    if (agent < 0)
        give_up(std::string("cannot start the agent: ") + std::strerror(errno));
    if (agent == 0) {
        close(pipe_ends[0]);
        guest.to_init.reset(pipe_ends[1]);
        rename_process(argc, argv);
        run_vm_agent(*token, std::move(guest), std::move(vsock));
    }
    close(pipe_ends[1]);
    vsock.reset();
    // The rest while the agent and the host greet each other.
    drivers.load_rest();

    constexpr std::string_view verb = "init ";
    const std::string message = wait_for_agent(pipe_ends[0]);
    close(pipe_ends[0]);
    if (!message.starts_with(verb))
        give_up("the agent ended before the machine was configured");
    if (auto switched = switch_root(); !switched)
        give_up(switched.error().message);
    const std::string path = message.substr(verb.size());
    if (path.empty())
        run_minimal_init(agent);
    become_image_init(path);
}

}  // namespace banger::agent
