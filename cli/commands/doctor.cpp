// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "cli/render/host.hpp"

namespace banger::cli {

Syntax Doctor::syntax()
{
    Syntax syntax;
    syntax.path = "doctor";
    syntax.summary = "check what this host can do, and say what to do about the rest";
    syntax.description = "The exit status is 1 if a check failed; warnings are no failure.";
    syntax.examples = {{"banger doctor", "all checks"}};
    return syntax;
}

sdk::Result<Doctor> Doctor::parse(const Arguments& /*arguments*/)
{
    return Doctor{};
}

sdk::Result<Exit> run(const Doctor& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto result = (*session)->call("doctor", json::Object());
    if (!result)
        return std::move(result).error();
    auto shown =
        context.show(result->result, [&] { return doctor_page(result->result, context.columns(), context.colour()); });
    if (!shown)
        return shown;
    if (const json::Value* checks = json::find(result->result, "checks"); checks != nullptr && checks->IsArray())
        for (const auto& check : checks->GetArray())
            if (json::string_or(check, "status") == "failed")
                return Exit(OwnExit::failed);
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
