// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/host.hpp"
#include "cli/file_follow.hpp"
#include "core/config/paths.hpp"

namespace banger::cli {

Syntax DaemonLogs::syntax()
{
    Syntax syntax;
    syntax.path = "daemon logs";
    syntax.summary = "what the daemon wrote";
    syntax.options = {{"follow", 'f', "", "go on with what it writes, until Ctrl-C", {}, false}};
    syntax.examples = {{"banger daemon logs", "so far"}, {"banger daemon logs -f", "as it comes"}};
    return syntax;
}

sdk::Result<DaemonLogs> DaemonLogs::parse(const Arguments& arguments)
{
    return DaemonLogs{arguments.has("follow")};
}

sdk::Result<Exit> run(const DaemonLogs& verb, Context& /*context*/)
{
    auto paths = config::Paths::find();
    if (!paths)
        return std::move(paths).error();
    auto log = sdk::os::open_file(paths->log_file(), O_RDONLY);
    if (!log && log.error().code == sdk::Code::not_found)
        return sdk::make_error(sdk::Code::not_found, "there is no log yet: " + paths->log_file(),
                               "no daemon was started since this host came up");
    if (!log)
        return std::move(log).error();
    if (auto printed = print_file(log->get(), verb.follow); !printed)
        return std::move(printed).error();
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
