// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/commands/reach.hpp"
#include "cli/commands/spec_options.hpp"
#include "cli/http_probe.hpp"
#include "cli/render/reach.hpp"

namespace banger::cli {
namespace {

constexpr std::chrono::milliseconds patience_for_http{1000};

/// The answer with a link for each port that speaks HTTP.
json::Object with_links(const json::Value& answer)
{
    const std::string address = json::string_or(answer, "address");
    const std::string name = json::string_or(answer, "host_name");
    const json::Value* ports = json::find(answer, "ports");
    std::vector<std::uint16_t> on_host;
    if (ports != nullptr && ports->IsArray())
        for (const auto& port : ports->GetArray())
            if (const auto number = json::uint_or(port, "host_port"); number != 0)
                on_host.push_back(static_cast<std::uint16_t>(number));
    const auto speak_http = ports_with_http(address, on_host, patience_for_http);
    json::Array shown;
    if (ports != nullptr && ports->IsArray())
        for (const auto& port : ports->GetArray()) {
            const auto number = static_cast<std::uint16_t>(json::uint_or(port, "host_port"));
            std::string url;
            if (number != 0 && speak_http.contains(number))
                url = "http://" + (name.empty() ? address : name) + (number == 80 ? "" : ":" + std::to_string(number)) + "/";
            json::Object object;
            for (const auto& member : port.GetObject())
                object.set(member.name.GetString(), member.value);
            object.set("url", url);
            shown.add(object);
        }
    json::Object result;
    for (const auto& member : answer.GetObject())
        if (std::string_view(member.name.GetString()) != "ports")
            result.set(member.name.GetString(), member.value);
    result.set("ports", shown);
    return result;
}

}  // namespace

Syntax VmPorts::syntax()
{
    Syntax syntax;
    syntax.path = "vm ports";
    syntax.summary = "what listens in a machine, and where it is reached from here";
    syntax.description =
        "Each port on which something listens in the machine, whose it is, and its port on this host at the machine's "
        "address. What answers a HEAD request as HTTP servers do gets a link.";
    syntax.operands = {{"VM"}};
    syntax.examples = {{"banger vm ports web", "as a table"},
                       {"banger vm ports web -o json | jq -r '.ports[].url'", "links for a script"}};
    return syntax;
}

sdk::Result<VmPorts> VmPorts::parse(const Arguments& arguments)
{
    auto vms = parse_vms(arguments);
    if (!vms)
        return std::move(vms).error();
    return VmPorts{std::move(vms->front())};
}

sdk::Result<Exit> run(const VmPorts& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    json::Object params;
    params.set("vm", verb.vm);
    auto answer = (*session)->call("vm.ports", params);
    if (!answer)
        return std::move(answer).error();
    const auto ports = with_links(answer->result);
    return context.show(ports.value(), [&] { return ports_page(ports.value(), context.columns()); });
}

}  // namespace banger::cli
