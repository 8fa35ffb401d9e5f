// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/process.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/reach.hpp"

namespace banger::doctor {
namespace {

constexpr const char* check_name = "names";
constexpr std::chrono::seconds patience_for_resolver{5};

/// Asks this system's resolver, as programs do, for a name that nobody else has.
bool resolver_knows(const std::string& name, const std::string& address, lifecycle::Operation& operation)
{
    sdk::os::Command command;
    command.argv = {"getent", "ahostsv4", name};
    sdk::os::RunLimits limits;
    limits.timeout = patience_for_resolver;
    limits.cancel_descriptor = operation.cancel_descriptor();
    const auto answer = sdk::os::run_checked(command, {}, limits);
    return answer && answer->out.starts_with(address + " ");
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
    const bool known = published && resolver_knows(probe, *address, operation);
    (void)names->dns->withdraw(probe);
    engine.addresses.release(check_name);
    if (!published)
        return {{check_name, Status::failed, published.error().message, published.error().hint}};
    const auto fact = [&](const char* key) { return facts.contains(key) ? facts.at(key) : std::string(); };
    std::string where = "names below ." + zone + " are answered on " + fact("address") + " port " + fact("port");
    if (fact("port") != fact("wanted_port"))
        where += ", since something else has port " + fact("wanted_port");
    if (known)
        return {{check_name, Status::ok, where + ", and this system's programs find them", {}}};
    return {{check_name, Status::warning, where + ", but this system's resolver does not ask there",
             "`banger dns route` says how to tell it; until then, `banger vm ports VM` shows addresses"}};
}

}  // namespace banger::doctor
