// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <charconv>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/vm.hpp"
#include "cli/connection_stream.hpp"
#include "cli/host_name.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

sdk::Result<EndedBy> connect_streams(const VmProxy& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", verb.vm).set("port", static_cast<unsigned>(verb.port));
    auto connection = (*session)->call("vm.connect", params);
    if (!connection)
        return std::move(connection).error();
    if (connection->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no connection");
    context.end_session();
    return run_connection(std::move(connection->descriptors.front()));
}

void write_report(const std::string& file, const std::string& text)
{
    if (auto opened = sdk::os::open_file(file, O_WRONLY))
        (void)sdk::os::write_all(opened->get(), text);
}

}  // namespace

Syntax VmProxy::syntax()
{
    Syntax syntax;
    syntax.path = "vm proxy";
    syntax.summary = "connect standard input and output with a port of a machine";
    syntax.description = "A ProxyCommand for ssh, and for anything else that talks through its standard streams.";
    syntax.operands = {{"VM"}, {"PORT"}};
    syntax.options = {{"report", 0, "FILE", "write to FILE, not here, how it failed or that the guest closed it", {}, false},
                      zone_option()};
    syntax.examples = {{"ssh -o 'ProxyCommand banger vm proxy web 22' root@web", "ssh with settings of your own"}};
    syntax.hidden = true;
    return syntax;
}

sdk::Result<VmProxy> VmProxy::parse(const Arguments& arguments)
{
    const std::string& text = arguments.operand(1);
    unsigned port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem != std::errc() || end != text.data() + text.size() || port == 0 || port > 65535)
        return sdk::make_error(sdk::Code::invalid, cli::quoted(text) + " is no port: it is a number from 1 to 65535",
                               "see `banger vm proxy --help`");
    return VmProxy{vm_of_host(arguments.operand(0), arguments.value("zone").value_or("")),
                   static_cast<std::uint16_t>(port), arguments.value("report").value_or("")};
}

sdk::Result<Exit> run(const VmProxy& verb, Context& context)
{
    auto ended = connect_streams(verb, context);
    if (verb.report.empty() && !ended)
        return std::move(ended).error();
    if (!ended)
        write_report(verb.report, json::from_error(ended.error()).text());
    else if (*ended == EndedBy::guest)
        write_report(verb.report, "{}");
    return Exit(ended ? OwnExit::done : OwnExit::failed);
}

}  // namespace banger::cli
