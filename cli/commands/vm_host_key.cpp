// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/file.hpp"
#include "cli/commands/reach.hpp"
#include "cli/host_name.hpp"
#include "cli/ssh.hpp"

namespace banger::cli {

Syntax VmHostKey::syntax()
{
    Syntax syntax;
    syntax.path = "vm host-key";
    syntax.summary = "the key that a machine's ssh server has, as a line of known_hosts";
    syntax.description = "A KnownHostsCommand for ssh: see `banger ssh-config`.";
    syntax.operands = {{"VM"}};
    syntax.options = {zone_option()};
    syntax.examples = {{"banger vm host-key web", "of one machine"}};
    syntax.hidden = true;
    return syntax;
}

sdk::Result<VmHostKey> VmHostKey::parse(const Arguments& arguments)
{
    return VmHostKey{arguments.operand(0), arguments.value("zone").value_or("")};
}

sdk::Result<Exit> run(const VmHostKey& verb, Context& context)
{
    auto way = find_ssh(context, vm_of_host(verb.host, verb.zone));
    if (!way)
        return std::move(way).error();
    constexpr std::size_t longest = 65536;
    auto lines = sdk::os::read_file(way->known_hosts, longest);
    if (!lines)
        return std::move(lines).error();
    // One line, of the key's own alias; ssh looks for the name that it was given.
    const std::string key = lines->starts_with(way->host_alias) ? lines->substr(way->host_alias.size()) : "";
    if (key.empty())
        return sdk::make_error(sdk::Code::corrupt, way->known_hosts + " does not begin with " + way->host_alias);
    context.end_session();
    if (auto printed = context.print(verb.host + key); !printed)
        return std::move(printed).error();
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
