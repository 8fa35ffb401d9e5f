// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/vm_agent.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <optional>

#include "banger/sdk/agent_channel.hpp"
#include "guest/agent/console.hpp"
#include "guest/agent/server.hpp"
#include "guest/agent/services.hpp"
#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

/// From the loading of the drivers; a device that is not there by then never will be.
constexpr std::chrono::milliseconds channel_wait{30000};

/// The two channels a machine may have. Both can be open.
struct Channels {
    sdk::os::UniqueFd serial;
    sdk::os::UniqueFd vsock;
};

sdk::os::UniqueFd open_serial_port()
{
    const std::unique_ptr<DIR, int (*)(DIR*)> ports(opendir("/sys/class/virtio-ports"), &closedir);
    while (const dirent* entry = ports ? readdir(ports.get()) : nullptr) {
        const std::string name = entry->d_name;
        if (small_line("/sys/class/virtio-ports/" + name + "/name") == sdk::agent_port_name)
            return sdk::os::UniqueFd(open(("/dev/" + name).c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    }
    return {};
}

bool open_channels(Channels& channels)
{
    if (!channels.serial)
        channels.serial = open_serial_port();
    if (!channels.vsock && access("/sys/module/vmw_vsock_virtio_transport", F_OK) == 0)
        if (auto listener = listen_vsock(sdk::agent_vsock_port))
            channels.vsock = std::move(*listener);
    return channels.serial || channels.vsock;
}

void become_service()
{
    setsid();
    for (int number : {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT})
        signal(number, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    const rlimit files{65536, 524288};
    setrlimit(RLIMIT_NOFILE, &files);
    const sdk::os::UniqueFd oom(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    [[maybe_unused]] const auto ignored = write(oom.get(), "-1000", 5);
}

}  // namespace

void run_vm_agent(const Token& token, GuestState guest, sdk::os::UniqueFd vsock)
{
    become_service();
    Channels channels{{}, std::move(vsock)};
    const bool found = guest.timeline.measure(
        "channel", [&] { return guest.uevents.wait([&] { return open_channels(channels); }, channel_wait); });
    if (!found) {
        say_on_console(
            "this machine has no virtio-serial port 'banger.agent' and no vsock device: nobody can reach its agent");
        _exit(1);
    }
    EventLoop loop;
    Services services(loop, &guest, "/var/lib/banger/sessions");
    std::optional<SocketServer> server;
    if (channels.vsock)
        server.emplace(loop, std::move(channels.vsock), token, services.router());
    std::shared_ptr<Link> link;
    if (channels.serial) {
        Link::Events events;
        events.session_began = [&guest, first = true]() mutable {
            if (std::exchange(first, false))
                guest.timeline.measure("handshake", [] {});
        };
        link = std::make_shared<Link>(loop, std::move(channels.serial), Link::Kind::serial, token, services.router(),
                                      events);
        link->start();
    }
    services.on_new_token([&](const Token& changed) {
        if (server)
            server->take_token(changed);
        if (link)
            link->take_token(changed);
    });
    services.serve();
    _exit(0);
}

}  // namespace banger::agent
