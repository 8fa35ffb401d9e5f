// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/system.hpp"
#include "cli/render/host.hpp"
#include "cli/system/report.hpp"
#include "cli/system/setup.hpp"
#include "core/rpc/helper.hpp"

namespace banger::cli {

Syntax SystemInstall::syntax()
{
    Syntax syntax;
    syntax.path = "system install";
    syntax.summary = "set up the root helper, for disks on device-mapper and taps";
    syntax.description = "For one ordinary user, whose daemon then has storage 'dm' and network 'tap'. Root's copies of the "
                         "helper and its plugins are made, and a systemd service. Repeated, it brings them up to date; "
                         "machines go on.";
    syntax.options = {{"owner", 0, "USER", "whom the helper serves", {}, false}};
    syntax.examples = {{"sudo banger system install --owner ada", "machines of ada get both"}};
    return syntax;
}

sdk::Result<SystemInstall> SystemInstall::parse(const Arguments& arguments)
{
    return SystemInstall{arguments.value("owner").value_or("")};
}

namespace {

sdk::Result<std::string> owner_for(const std::string& asked)
{
    const auto served = setup::installed_for();
    if (served && !asked.empty() && *served != asked)
        return sdk::make_error(sdk::Code::exists, "the helper of this host serves user '" + *served + "' already",
                               "there is one for each host: `banger system uninstall` removes that one");
    if (!served && asked.empty())
        return sdk::make_error(sdk::Code::invalid, "nobody says whom the helper is to serve", "name the user with --owner USER");
    const std::string owner = served.value_or(asked);
    if (auto good = setup::check_owner(owner); !good)
        return std::move(good).error();
    return owner;
}

}  // namespace

sdk::Result<Exit> run(const SystemInstall& verb, Context& context)
{
    const std::string unit = rpc::helper::unit;
    if (auto fit = setup::check_host(); !fit)
        return std::move(fit).error();
    auto owner = owner_for(verb.owner);
    if (!owner)
        return std::move(owner).error();
    if (auto copied = setup::copy_files(); !copied)
        return std::move(copied).error().while_doing("install the helper");
    if (auto wrote = setup::write_units(*owner); !wrote)
        return std::move(wrote).error().while_doing("install the helper");
    for (const auto& step : {std::vector<std::string>{"enable", "--now", unit + ".socket"}, {"try-restart", unit + ".service"}})
        if (auto done = setup::systemctl(step); !done)
            return std::move(done).error().while_doing("start the helper");
    if (auto answers = setup::ask_status(); !answers)
        return std::move(answers).error().while_doing("try the helper");
    return show_helper(context);
}

}  // namespace banger::cli
