// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/system.hpp"
#include "cli/system/report.hpp"

namespace banger::cli {

Syntax SystemStatus::syntax()
{
    Syntax syntax;
    syntax.path = "system status";
    syntax.summary = "whether there is a root helper, for whom, and what it holds";
    syntax.examples = {{"banger system status", "as anybody; what it holds is shown to its user and to root"}};
    return syntax;
}

sdk::Result<SystemStatus> SystemStatus::parse(const Arguments& /*arguments*/)
{
    return SystemStatus{};
}

sdk::Result<Exit> run(const SystemStatus& /*verb*/, Context& context)
{
    return show_helper(context);
}

}  // namespace banger::cli
