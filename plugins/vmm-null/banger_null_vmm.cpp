// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// A VMM without a machine. Holds what a VMM holds until SIGTERM:
//   --name NAME       how it is found again
//   --api FD          a bound socket that it listens on; whoever connects is greeted with a line
//   --read PATH       opened for reading (kernel, initramfs, read-only disks)
//   --write PATH      opened for reading and writing (disks)
//   --connect PATH    a Unix stream socket that it connects to (the network)
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace {

namespace os = banger::sdk::os;

struct Held {
    int api = -1;
    std::vector<os::UniqueFd> files;
};

banger::sdk::Result<Held> hold(int argc, char** argv)
{
    Held held;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view option = argv[i];
        const std::string value = argv[i + 1];
        if (option == "--name")
            continue;
        if (option == "--api") {
            held.api = std::atoi(value.c_str());  // NOLINT(cert-err34-c): listen tells
            continue;
        }
        auto file = option == "--connect" ? os::try_connect_unix(value)
                                          : os::open_file(value, option == "--write" ? O_RDWR : O_RDONLY);
        if (!file)
            return std::move(file).error();
        held.files.push_back(std::move(*file));
    }
    // The socket was bound by who started us; listening on it again makes SO_PEERCRED name us.
    if (::listen(held.api, SOMAXCONN) != 0)
        return banger::sdk::os_error("listen on the API socket");
    return held;
}

// Answers until SIGTERM or SIGINT.
int serve(int api, int signals)
{
    constexpr std::string_view greeting = "banger-null-vmm\n";
    for (;;) {
        std::array<pollfd, 2> watch{{{api, POLLIN, 0}, {signals, POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0)
            continue;
        if (watch[1].revents != 0)
            return 0;
        if (const os::UniqueFd client(::accept4(api, nullptr, nullptr, SOCK_CLOEXEC)); client)
            (void)::send(client.get(), greeting.data(), greeting.size(), MSG_NOSIGNAL);
    }
}

}  // namespace

int main(int argc, char** argv)
{
    ::prctl(PR_SET_NAME, "banger-null-vmm");
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    ::sigprocmask(SIG_BLOCK, &ending, nullptr);
    const os::UniqueFd signals(::signalfd(-1, &ending, SFD_CLOEXEC));
    auto held = hold(argc, argv);
    if (!held) {
        std::fprintf(stderr, "banger-null-vmm: %s\n", held.error().message.c_str());
        return 1;
    }
    return serve(held->api, signals.get());
}
