// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/system.hpp"
#include "cli/system/report.hpp"
#include "cli/system/setup.hpp"
#include "core/rpc/helper.hpp"

namespace banger::cli {

Syntax SystemRestart::syntax()
{
    Syntax syntax;
    syntax.path = "system restart";
    syntax.summary = "start the root helper again, with its settings as they are now; machines go on";
    syntax.examples = {{"sudo banger system restart", "after a change of /etc/banger/privd.toml"}};
    return syntax;
}

sdk::Result<SystemRestart> SystemRestart::parse(const Arguments& /*arguments*/)
{
    return SystemRestart{};
}

sdk::Result<Exit> run(const SystemRestart& /*verb*/, Context& context)
{
    if (auto fit = setup::check_host(); !fit)
        return std::move(fit).error();
    if (!setup::installed_for())
        return sdk::make_error(sdk::Code::not_found, "there is no root helper on this host",
                               "`banger system install` sets one up");
    const std::string unit = rpc::helper::unit;
    // A helper that could not start has left its socket as failed.
    for (const auto& step : {std::vector<std::string>{"start", unit + ".socket"}, {"restart", unit + ".service"}})
        if (auto done = setup::systemctl(step); !done)
            return std::move(done).error().while_doing("start the helper again");
    return show_helper(context);
}

}  // namespace banger::cli
