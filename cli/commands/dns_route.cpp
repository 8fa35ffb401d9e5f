// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "banger/sdk/os/process.hpp"
#include "cli/commands/reach.hpp"

namespace banger::cli {
namespace {

struct Facts {
    std::string instance;
    NameServer server;
};

sdk::Result<Facts> ask(Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto daemon = (*session)->call("daemon.status", json::Object());
    if (!daemon)
        return std::move(daemon).error();
    auto status = (*session)->call("dns.status", json::Object());
    if (!status)
        return std::move(status).error();
    Facts facts;
    facts.instance = json::string_or(daemon->result, "instance");
    facts.server.address = json::string_or(status->result, "address");
    facts.server.zone = json::string_or(status->result, "zone");
    const std::string port = json::string_or(status->result, "port");
    std::from_chars(port.data(), port.data() + port.size(), facts.server.port);
    return facts;
}

sdk::Result<void> restart_resolved()
{
    sdk::os::Command command;
    command.argv = {"systemctl", "restart", "systemd-resolved"};
    auto restarted = sdk::os::run_checked(command);
    if (!restarted)
        return std::move(restarted).error().with_hint("is systemd-resolved this host's resolver? `banger dns route` has others");
    return {};
}

sdk::Result<Exit> change(const DnsRoute& verb, const Facts& facts, Context& context)
{
    const bool installs = verb.what == DnsRoute::Do::install;
    auto path = installs ? install_route("/", facts.instance, facts.server) : uninstall_route("/", facts.instance);
    if (!path && path.error().code == sdk::Code::permission)
        return std::move(path).error().with_hint("root may: `banger dns route --print resolved` says what to write where");
    if (!path)
        return std::move(path).error();
    if (path->empty()) {
        context.note("nothing was installed");
        return Exit(OwnExit::done);
    }
    if (auto restarted = restart_resolved(); !restarted)
        return std::move(restarted).error().while_doing((installs ? "use " : "forget ") + *path);
    context.note((installs ? "wrote " : "removed ") + *path + ", and restarted systemd-resolved");
    return Exit(OwnExit::done);
}

}  // namespace

Syntax DnsRoute::syntax()
{
    Syntax syntax;
    syntax.path = "dns route";
    syntax.summary = "how this host's resolver comes to ask banger for names of machines";
    syntax.description =
        "Without an option it prints what systemd-resolved needs. Nothing is changed unless --install asks for it.";
    syntax.options = {{"print", 0, "RESOLVER", "the exact recipe for this one", resolver_names(), false},
                      {"install", 0, "", "write systemd-resolved's drop-in, and restart it", {}, false},
                      {"uninstall", 0, "", "remove that again", {}, false}};
    syntax.examples = {{"banger dns route --print dnsmasq", "two lines for its configuration"},
                       {"sudo banger dns route --install", "for root's machines, with systemd-resolved"}};
    return syntax;
}

sdk::Result<DnsRoute> DnsRoute::parse(const Arguments& arguments)
{
    DnsRoute verb;
    const auto printed = arguments.value("print");
    if (static_cast<int>(printed.has_value()) + static_cast<int>(arguments.has("install")) +
            static_cast<int>(arguments.has("uninstall")) > 1)
        return sdk::make_error(sdk::Code::invalid, "--print, --install and --uninstall exclude each other",
                               "see `banger dns route --help`");
    if (printed)
        verb.resolver = resolver_from_string(*printed).value_or(Resolver::resolved);
    if (arguments.has("install"))
        verb.what = Do::install;
    if (arguments.has("uninstall"))
        verb.what = Do::uninstall;
    return verb;
}

sdk::Result<Exit> run(const DnsRoute& verb, Context& context)
{
    auto facts = ask(context);
    if (!facts)
        return std::move(facts).error();
    if (verb.what != DnsRoute::Do::print)
        return change(verb, *facts, context);
    const std::string recipe = route_recipe(verb.resolver, facts->server, facts->instance);
    json::Object result;
    result.set("recipe", recipe);
    return context.show(result.value(), [&] { return recipe; });
}

}  // namespace banger::cli
