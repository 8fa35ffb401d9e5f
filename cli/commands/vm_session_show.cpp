// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm_session.hpp"
#include "cli/render/session.hpp"

namespace banger::cli {

Syntax VmSessionShow::syntax()
{
    Syntax syntax;
    syntax.path = "vm session show";
    syntax.summary = "everything about one session";
    syntax.operands = session_operands();
    syntax.examples = {{"banger vm session show web build", "as a page"},
                       {"banger vm session show web build -o json | jq .exit_code", "for a script"}};
    return syntax;
}

sdk::Result<VmSessionShow> VmSessionShow::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    return VmSessionShow{std::move(*of)};
}

sdk::Result<Exit> run(const VmSessionShow& verb, Context& context)
{
    auto shown = call_session(context, "vm.session.show", verb.of);
    if (!shown)
        return std::move(shown).error();
    return context.show(shown->result, [&] { return session_page(shown->result, context.columns()); });
}

}  // namespace banger::cli
