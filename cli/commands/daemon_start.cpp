// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"

namespace banger::cli {

Syntax DaemonStart::syntax()
{
    Syntax syntax;
    syntax.path = "daemon start";
    syntax.summary = "start the daemon, as the first command does anyway";
    syntax.examples = {{"banger daemon start", "returns when it is ready"}};
    return syntax;
}

sdk::Result<DaemonStart> DaemonStart::parse(const Arguments& /*arguments*/)
{
    return DaemonStart{};
}

sdk::Result<Exit> run(const DaemonStart& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto status = (*session)->call("daemon.status", json::Object());
    if (!status)
        return std::move(status).error();
    return context.show(status->result, [&] {
        return "the daemon is running, process " + std::to_string(json::uint_or(status->result, "pid")) + "\n";
    });
}

}  // namespace banger::cli
