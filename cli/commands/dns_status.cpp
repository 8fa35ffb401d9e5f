// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/reach.hpp"
#include "cli/render/reach.hpp"

namespace banger::cli {

Syntax DnsStatus::syntax()
{
    Syntax syntax;
    syntax.path = "dns status";
    syntax.summary = "where names of machines are answered, and which there are";
    syntax.examples = {{"banger dns status", "address, port and names"},
                       {"dig @127.0.0.1 -p $(banger dns status -o json | jq -r .port) web.vm", "ask there"}};
    return syntax;
}

sdk::Result<DnsStatus> DnsStatus::parse(const Arguments& /*arguments*/)
{
    return DnsStatus{};
}

sdk::Result<Exit> run(const DnsStatus& /*verb*/, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto status = (*session)->call("dns.status", json::Object());
    if (!status)
        return std::move(status).error();
    return context.show(status->result, [&] { return dns_page(status->result, context.columns()); });
}

}  // namespace banger::cli
