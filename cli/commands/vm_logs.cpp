// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"
#include "cli/file_follow.hpp"

namespace banger::cli {

Syntax VmLogs::syntax()
{
    Syntax syntax;
    syntax.path = "vm logs";
    syntax.summary = "what a machine wrote to its console";
    syntax.operands = {{"VM"}};
    syntax.options = {{"follow", 'f', "", "go on with what it writes, until Ctrl-C", {}, false}};
    syntax.examples = {{"banger vm logs web", "so far"}, {"banger vm logs -f web", "as it comes"}};
    return syntax;
}

sdk::Result<VmLogs> VmLogs::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmLogs{std::move(vms->front()), arguments.has("follow")};
}

sdk::Result<Exit> run(const VmLogs& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", verb.vm);
    auto log = (*session)->call("vm.logs", params);
    if (!log)
        return std::move(log).error();
    if (log->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no log");
    context.end_session();
    if (auto printed = print_file(log->descriptors.front().get(), verb.follow); !printed)
        return std::move(printed).error();
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
