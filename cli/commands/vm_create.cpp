// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/spec_options.hpp"
#include "cli/commands/vm.hpp"

namespace banger::cli {

Syntax VmCreate::syntax()
{
    Syntax syntax;
    syntax.path = "vm create";
    syntax.summary = "make a machine, start it, and print its name when it is ready";
    syntax.options = spec_options();
    syntax.options.push_back({"no-start", 0, "", "only make it", {}, false});
    syntax.examples = {{"banger vm create --name db --memory 4G --disk 40G", "a machine with its size given"},
                       {"name=$(banger vm create)", "in a script"},
                       {"banger vm create --no-start --image debian-bookworm-minimal", "for later"}};
    return syntax;
}

sdk::Result<VmCreate> VmCreate::parse(const Arguments& arguments)
{
    auto spec = parse_spec(arguments);
    if (!spec)
        return std::move(spec).error();
    return VmCreate{std::move(*spec), !arguments.has("no-start")};
}

sdk::Result<Exit> run(const VmCreate& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params = model::to_json(verb.spec);
    params.set("start", verb.start);
    auto vm = (*session)->call("vm.create", params);
    if (!vm)
        return std::move(vm).error();
    return context.show(vm->result, [&] { return json::string_or(vm->result, "name") + "\n"; });
}

}  // namespace banger::cli
