// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "guest/agent/server.hpp"
#include "guest/agent/services.hpp"
#include "guest/agent/small_files.hpp"
#include "guest/init/init.hpp"

namespace banger::agent {
namespace {

int fail(const std::string& sentence)
{
    std::fprintf(stderr, "banger-vsock-agent: %s\n", sentence.c_str());
    return 1;
}

/// The same agent as an ordinary process on an ordinary host, for tests: commands, files and connections only.
int serve_socket(const std::string& path, std::string_view token_hex)
{
    const auto token = token_from_hex(token_hex);
    if (!token)
        return fail(token.error().message);
    signal(SIGPIPE, SIG_IGN);
    auto listener = listen_unix(path);
    if (!listener)
        return fail(listener.error().message);
    EventLoop loop;
    Services services(loop, nullptr, parent_of(path) + "/sessions");
    const SocketServer server(loop, std::move(*listener), *token, services.router());
    // Whoever started it can wait for this line and connect.
    std::puts("listening");
    std::fflush(stdout);
    services.serve();
    return 0;
}

}  // namespace
}  // namespace banger::agent

int main(int argc, char** argv)
{
    using namespace banger::agent;
    if (getpid() == 1)
        run_init(argc, argv);
    if (argc == 5 && std::string_view(argv[1]) == "--serve-socket" && std::string_view(argv[3]) == "--token")
        return serve_socket(argv[2], argv[4]);
    return fail("this is the agent inside a banger VM; on a host it only knows --serve-socket PATH --token HEX");
}
