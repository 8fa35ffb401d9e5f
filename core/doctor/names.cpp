// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "banger/sdk/os/process.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/plugins/kinds.hpp"

namespace banger::doctor {
namespace {

constexpr const char* check_name = "names";
constexpr std::chrono::seconds patience_for_resolver{5};
constexpr std::size_t most_names_asked = 16;  // a resolver that is in trouble takes seconds for each

/// What this system's resolver, asked as programs ask it, has for a name; empty if nothing.
std::string resolved_address(const std::string& name, lifecycle::Operation& operation)
{
    sdk::os::Command command;
    command.argv = {"getent", "ahostsv4", name};
    sdk::os::RunLimits limits;
    limits.timeout = patience_for_resolver;
    limits.cancel_descriptor = operation.cancel_descriptor();
    const auto answer = sdk::os::run_checked(command, {}, limits);
    return answer ? answer->out.substr(0, answer->out.find(' ')) : std::string();
}

/// Names of machines that somebody else answers for, as /etc/hosts may, or a resolver that asks others.
std::vector<Finding> taken_names(sdk::Dns& names, lifecycle::Operation& operation)
{
    auto records = names.list();
    if (!records)
        return {};
    records->resize(std::min(records->size(), most_names_asked));
    std::vector<Finding> findings;
    for (const auto& [name, addresses] : *records) {
        const auto found = resolved_address(name, operation);
        if (!found.empty() && std::find(addresses.begin(), addresses.end(), found) == addresses.end())
            findings.push_back({check_name, Status::warning,
                                "programs here find " + name + " at " + found + ", which is not the machine's address",
                                "look for it in /etc/hosts and in the resolver's settings, or give the machine another name"});
    }
    return findings;
}

/// Of which machines the resolver is told without anybody's doing; the beginning of a sentence, or nothing.
std::string told_by_itself(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    const std::string kind(plugins::kind_of<sdk::NetworkNames>);
    if (engine.registry.names(kind).empty())
        return {};
    const auto choice = engine.registry.choose(kind, "auto", operation);
    return choice ? "while a machine with network '" + choice->name + "' runs, it is told to by itself; otherwise " : std::string();
}

}  // namespace

// Whether `curl http://web.vm` would find its way.
std::vector<Finding> check_names(lifecycle::Engine& engine, lifecycle::Operation& operation)
{
    auto names = lifecycle::name_service(engine, operation);
    if (!names)
        return {{check_name, Status::warning, names.error().message, names.error().hint}};
    const auto& facts = names->facts;
    const std::string zone = facts.at("zone");
    const std::string probe = "check-" + engine.instance + "." + zone;
    auto address = engine.addresses.claim(check_name);
    if (!address)
        return {{check_name, Status::warning, address.error().message, address.error().hint}};
    auto published = names->dns->publish({probe, {*address}});
    const bool known = published && resolved_address(probe, operation) == *address;
    (void)names->dns->withdraw(probe);
    engine.addresses.release(check_name);
    if (!published)
        return {{check_name, Status::failed, published.error().message, published.error().hint}};
    const auto fact = [&](const char* key) { return facts.contains(key) ? facts.at(key) : std::string(); };
    std::string where = "names below ." + zone + " are answered on " + fact("address") + " port " + fact("port");
    if (fact("port") != fact("wanted_port"))
        where += ", since something else has port " + fact("wanted_port");
    auto findings = taken_names(*names->dns, operation);
    if (known)
        findings.insert(findings.begin(), {check_name, Status::ok, where + ", and this system's programs find them", {}});
    else
        findings.insert(findings.begin(),
                        {check_name, Status::warning, where + ", but this system's resolver does not ask there",
                         told_by_itself(engine, operation) +
                             "`banger dns route` says how to tell it; until then, `banger vm ports VM` shows addresses"});
    return findings;
}

}  // namespace banger::doctor
