// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"
#include "cli/commands/reach.hpp"
#include "cli/installation.hpp"

namespace banger::cli {
namespace {

sdk::Result<void> restart_resolved()
{
    sdk::os::Command command;
    command.argv = {"systemctl", "restart", "systemd-resolved"};
    auto restarted = sdk::os::run_checked(command);
    if (!restarted)
        return std::move(restarted).error().with_hint("is systemd-resolved this host's resolver? `banger dns route` has others");
    return {};
}

sdk::Result<Exit> install(const Installation& found, Context& context)
{
    auto path = install_route("/", found.instance, found.names, restart_resolved);
    if (!path && path.error().code == sdk::Code::permission)
        return std::move(path).error().with_hint("root may: `banger dns route --print resolved` says what to write where");
    if (!path)
        return std::move(path).error();
    context.note("wrote " + *path + ", and restarted systemd-resolved");
    return Exit(OwnExit::done);
}

sdk::Result<Exit> uninstall(Context& context)
{
    auto found = installation_on_disk();
    if (!found)
        return std::move(found).error();
    auto path = *found ? uninstall_route("/", (*found)->instance, restart_resolved) : sdk::Result<std::string>(std::string());
    if (!path)
        return std::move(path).error();
    context.note(path->empty() ? "nothing was installed" : "removed " + *path + ", and restarted systemd-resolved");
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
    if (verb.what == DnsRoute::Do::uninstall)
        return uninstall(context);
    auto found = find_installation(context);
    if (!found)
        return std::move(found).error();
    if (verb.what == DnsRoute::Do::install)
        return install(*found, context);
    const std::string recipe = route_recipe(verb.resolver, found->names, found->instance);
    json::Object result;
    result.set("recipe", recipe);
    return context.show(result.value(), [&] { return recipe; });
}

}  // namespace banger::cli
