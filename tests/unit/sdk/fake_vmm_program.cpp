// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
//
// A VMM that makes its sockets itself, as Firecracker does, and takes its time between bind(2) and listen(2). With
// "--fail" it says why and ends before it serves anybody; with "--hang" it makes no socket.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

int main(int argc, char** argv)
{
    const std::string how = argc > 3 ? argv[3] : "";
    if (how == "--fail") {
        std::fprintf(stderr, "no such kernel\n");
        return 1;
    }
    sockaddr_un address{AF_UNIX, "api.sock"};
    const int api = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (how != "--hang") {
        if (::bind(api, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            return 2;
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        ::listen(api, 1);
    }
    for (;;)
        ::pause();
}
