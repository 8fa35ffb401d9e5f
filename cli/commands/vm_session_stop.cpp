// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/vm_session.hpp"
#include "cli/render/session.hpp"
#include "core/base/durations.hpp"

namespace banger::cli {

Syntax VmSessionStop::syntax()
{
    Syntax syntax;
    syntax.path = "vm session stop";
    syntax.summary = "ask a session to end, and end it if it does not";
    syntax.description =
        "Its processes get SIGTERM, and SIGHUP as well where it has a terminal, as shells ignore the former; SIGKILL "
        "after the time. One that has ended already is fine.";
    syntax.operands = session_operands();
    syntax.options = {{"timeout", 't', "TIME", "how long to wait, such as 30s or 2m; 10s if left out", {}, false}};
    syntax.examples = {{"banger vm session stop web build", "ten seconds, if it needs them"},
                       {"banger vm session stop --timeout 1m web database", "one that takes its time"}};
    return syntax;
}

sdk::Result<VmSessionStop> VmSessionStop::parse(const Arguments& arguments)
{
    auto of = parse_session(arguments);
    if (!of)
        return std::move(of).error();
    VmSessionStop verb;
    verb.of = std::move(*of);
    const auto text = arguments.value("timeout");
    if (!text)
        return verb;
    auto timeout = base::parse_duration("--timeout", *text);
    if (!timeout)
        return std::move(timeout).error();
    if (*timeout > std::chrono::hours(1))
        return sdk::make_error(sdk::Code::invalid, "--timeout cannot be that: it is an hour at most",
                               "write a time such as 30s");
    verb.timeout_s = static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(*timeout).count());
    return verb;
}

sdk::Result<Exit> run(const VmSessionStop& verb, Context& context)
{
    json::Object params;
    params.set("timeout_s", verb.timeout_s);
    auto stopped = call_session(context, "vm.session.stop", verb.of, std::move(params));
    if (!stopped)
        return std::move(stopped).error();
    return show_session(context, stopped->result, how_it_is(stopped->result));
}

}  // namespace banger::cli
