// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm_session.hpp"

#include "cli/commands/spec_options.hpp"
#include "cli/text.hpp"
#include "core/base/sizes.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::cli {

std::vector<Operand> session_operands()
{
    return {{"VM"}, {"SESSION"}};
}

sdk::Result<SessionName> parse_session(const Arguments& arguments)
{
    auto vm = parse_vm(arguments.operand(0));
    if (!vm)
        return std::move(vm).error();
    const std::string& name = arguments.operand(1);
    if (!agent::check_session_name(name))
        return sdk::make_error(sdk::Code::invalid, quoted(name) + " is not the name of a session",
                               "see `banger vm session list`");
    return SessionName{std::move(*vm), name};
}

sdk::Result<rpc::Reply> call_session(Context& context, const std::string& method, const SessionName& of,
                                     json::Object params)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    params.set("vm", of.vm).set("name", of.session);
    return (*session)->call(method, params);
}

sdk::Result<sdk::os::UniqueFd> open_session(Context& context, const SessionName& of, const std::string& how,
                                            json::Object params)
{
    params.set("how", how);
    auto attached = call_session(context, "vm.session.attach", of, std::move(params));
    if (!attached)
        return std::move(attached).error();
    if (attached->descriptors.empty())
        return sdk::make_error(sdk::Code::internal, "the daemon sent no stream for the session");
    return std::move(attached->descriptors.front());
}

StreamRules session_rules(Context& context, bool raw)
{
    StreamRules rules;
    rules.stop_leaves = true;
    rules.on_gap = [&context, raw](std::uint64_t bytes) {
        const std::string words = "[" + base::format_size(bytes) + " of its output are kept no more]";
        context.progress().say(raw ? "\r\n" + words + "\r" : words);
    };
    return rules;
}

sdk::Result<Exit> show_session(Context& context, const json::Value& session, const std::string& words)
{
    return context.show(session, [&] {
        return json::string_or(session, "name") + " in " + json::string_or(session, "vm") + " " + words + "\n";
    });
}

}  // namespace banger::cli
