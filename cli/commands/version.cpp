// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/host.hpp"
#include "core/rpc/build.hpp"
#include "core/rpc/message.hpp"

namespace banger::cli {

Syntax Version::syntax()
{
    Syntax syntax;
    syntax.path = "version";
    syntax.summary = "which banger this is";
    syntax.examples = {{"banger version", "the same as `banger --version`"}};
    return syntax;
}

sdk::Result<Version> Version::parse(const Arguments& /*arguments*/)
{
    return Version{};
}

sdk::Result<Exit> run(const Version& /*verb*/, Context& context)
{
    json::Object result;
    result.set("version", rpc::version()).set("build", rpc::build_id()).set("protocol", rpc::protocol_version);
    return context.show(result.value(), [] {
        return "banger " + std::string(rpc::version()) + " (build " + std::string(rpc::build_id()) + ")\n";
    });
}

}  // namespace banger::cli
