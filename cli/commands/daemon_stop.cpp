// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/daemon_process.hpp"
#include "cli/unreachable_daemon.hpp"

namespace banger::cli {

Syntax DaemonStop::syntax()
{
    Syntax syntax;
    syntax.path = "daemon stop";
    syntax.summary = "stop the daemon; machines go on, commands in them are cut off";
    syntax.examples = {{"banger daemon stop", "the next command starts it again"}};
    return syntax;
}

sdk::Result<DaemonStop> DaemonStop::parse(const Arguments& /*arguments*/)
{
    return DaemonStop{};
}

sdk::Result<Exit> run(const DaemonStop& /*verb*/, Context& context)
{
    auto client = find_daemon();
    if (!client)
        return std::move(client).error();
    bool running = client->has_value();
    if (running) {
        if (auto stopped = stop_daemon(std::move(**client), false); !stopped)
            return std::move(stopped).error();
    } else {
        auto paths = config::Paths::find();
        if (!paths)
            return std::move(paths).error();
        auto stopped = stop_unreachable_daemon(*paths);
        if (!stopped)
            return std::move(stopped).error();
        running = *stopped;
    }
    json::Object result;
    result.set("stopped", running);
    return context.show(result.value(), [&] {
        return std::string(running ? "the daemon is stopped; machines go on\n" : "no daemon was running\n");
    });
}

}  // namespace banger::cli
