// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// privd-launcher USER PROGRAM [ARGUMENT...]
// Becomes the root helper as systemd would start it: with its socket, the user's (sd_listen_fds(3)).
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "core/rpc/helper.hpp"

int main(int argc, char** argv)
{
    constexpr int first = 3;  // SD_LISTEN_FDS_START
    const passwd* user = argc > 2 ? ::getpwnam(argv[1]) : nullptr;
    if (user == nullptr)
        return 64;
    auto socket = banger::sdk::os::listen_unix(banger::rpc::helper::socket);
    if (!socket || ::chown(banger::rpc::helper::socket, user->pw_uid, user->pw_gid) != 0)
        return 1;
    if (socket->get() == first ? ::fcntl(first, F_SETFD, 0) != 0 : ::dup2(socket->get(), first) != first)
        return 1;
    ::setenv("LISTEN_FDS", "1", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::execv(argv[2], argv + 2);
    std::perror(argv[2]);
    return 1;
}
