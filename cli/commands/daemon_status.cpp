// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/daemon_process.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax DaemonStatus::syntax()
{
    Syntax syntax;
    syntax.path = "daemon status";
    syntax.summary = "whether a daemon runs, and since when; starts none";
    syntax.examples = {{"banger daemon status", "exit status 1 if none runs"}};
    return syntax;
}

sdk::Result<DaemonStatus> DaemonStatus::parse(const Arguments& /*arguments*/)
{
    return DaemonStatus{};
}

sdk::Result<Exit> run(const DaemonStatus& /*verb*/, Context& context)
{
    auto client = find_daemon();
    if (!client)
        return std::move(client).error();
    if (!client->has_value())
        return sdk::make_error(sdk::Code::unavailable, "no daemon is running",
                               "any command starts it, or `banger daemon start`");
    auto status = daemon_status(**client);
    if (!status)
        return std::move(status).error();
    return context.show(*status, [&] { return daemon_page(*status, context.columns()); });
}

}  // namespace banger::cli
