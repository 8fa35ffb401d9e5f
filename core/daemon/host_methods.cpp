// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "core/daemon/service.hpp"
#include "core/doctor/check.hpp"
#include "core/lifecycle/pick.hpp"
#include "core/lifecycle/provision.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/rpc/build.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

const auto started = std::chrono::steady_clock::now();

sdk::Result<Answer> status(Service& service, const Exchange&, Operation&)
{
    const auto& engine = service.engine();
    auto records = engine.store.list();
    const auto uptime =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started).count();
    Answer answer;
    answer.result.set("pid", static_cast<std::int64_t>(::getpid())).set("version", rpc::version());
    answer.result.set("build", rpc::build_id()).set("protocol", rpc::protocol_version);
    answer.result.set("socket", engine.paths.socket()).set("home", engine.paths.state);
    answer.result.set("config", engine.config.stamp);
    answer.result.set("instance", engine.instance).set("uptime_s", static_cast<std::int64_t>(uptime));
    answer.result.set("vms", static_cast<std::uint64_t>(records ? records->size() : 0));
    answer.result.set("streams", static_cast<std::uint64_t>(engine.agents.open_streams()));
    return answer;
}

/// A command that has just ended may have left connections that are being seen off.
constexpr std::chrono::milliseconds patience_for_rest{1000};

sdk::Result<Answer> daemon_stop(Service& service, const Exchange& exchange, Operation& operation)
{
    if (json::bool_or(exchange->params(), "if_idle"))
        if (const auto load = service.load_beside(operation, patience_for_rest); load.streams + load.operations > 0)
            return sdk::make_error(sdk::Code::busy, "the daemon carries " + std::to_string(load.streams) +
                                                        " streams and " + std::to_string(load.operations) + " operations");
    service.shut_down();
    return Answer{};
}

bool will_run(const lifecycle::Engine& engine, const std::string& provisioner)
{
    const auto names = lifecycle::provisioners(engine);
    return std::find(names.begin(), names.end(), provisioner) != names.end();
}

// Those that a new VM gets of which nothing is said; an error if it gets none.
using Picked = sdk::Result<lifecycle::Choice>;

Picked pick(lifecycle::Engine& engine, Operation& operation)
{
    const auto egress = sdk::egress_from_string(engine.config.vm_defaults.egress.value);
    return lifecycle::pick_providers(engine, {}, egress.value_or(sdk::Egress::internet), operation);
}

bool is_picked(lifecycle::Engine& engine, const plugins::CapabilityName& capability, const sdk::Result<sdk::Probe>& probe,
               const Picked& picked, Operation& operation)
{
    const auto& [kind, name] = capability;
    const bool usable = probe && probe->usable;
    // Provisioners are no alternatives.
    if (kind == plugins::kind_of<sdk::Provisioner>)
        return usable && will_run(engine, name);
    if (kind == plugins::kind_of<sdk::Vmm>)
        return picked && picked->vmm == name;
    if (kind == plugins::kind_of<sdk::Storage>)
        return picked && picked->storage == name;
    if (kind == plugins::kind_of<sdk::Network>)
        return picked && picked->network == name;
    // More that a provider can do, which not each can where it is picked.
    if (kind == plugins::kind_of<sdk::VmmSnapshot>)
        return usable && picked && picked->vmm == name;
    if (kind == plugins::kind_of<sdk::StorageFork>)
        return usable && picked && picked->storage == name;
    if (kind == plugins::kind_of<sdk::NetworkNames>)
        return usable && picked && picked->network == name;
    const auto choice = engine.registry.choose(kind, "auto", operation);
    return choice && choice->name == name;
}

json::Object capability_json(Service& service, const plugins::CapabilityName& capability, const Picked& picked,
                             Operation& operation)
{
    auto& engine = service.engine();
    json::Object object;
    object.set("kind", capability.kind).set("name", capability.name);
    auto probe = engine.registry.probe(capability.kind, capability.name, operation);
    object.set("usable", probe && probe->usable);
    object.set("reason", probe ? probe->reason : probe.error().message);
    object.set("hint", probe ? probe->hint : probe.error().hint);
    object.set("picked", is_picked(engine, capability, probe, picked, operation));
    object.set("facts", probe ? probe->facts : sdk::Fields());
    return object;
}

json::Object plugin_json(Service& service, const plugins::PluginStatus& plugin, const Picked& picked,
                         Operation& operation)
{
    json::Object object;
    object.set("id", plugin.id).set("version", plugin.version).set("path", plugin.path);
    object.set("state", plugins::to_string(plugin.state));
    object.set("reason", plugin.problem ? plugin.problem->message : std::string());
    object.set("hint", plugin.problem ? plugin.problem->hint : std::string());
    json::Array provides;
    for (const auto& capability : plugin.capabilities)
        if (!plugin.problem)
            provides.add(capability_json(service, capability, picked, operation));
    object.set("provides", provides);
    return object;
}

sdk::Result<Answer> list_plugins(Service& service, const Exchange&, Operation& operation)
{
    json::Array plugins;
    const auto picked = pick(service.engine(), operation);
    for (const auto& plugin : service.engine().registry.list())
        plugins.add(plugin_json(service, plugin, picked, operation));
    Answer answer;
    answer.result.set("plugins", plugins);
    return answer;
}

sdk::Result<Answer> show_plugin(Service& service, const Exchange& exchange, Operation& operation)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto plugin = service.engine().registry.show(*name);
    if (!plugin)
        return std::move(plugin).error();
    Answer answer;
    answer.result = plugin_json(service, *plugin, pick(service.engine(), operation), operation);
    return answer;
}

// A name between the dots of a key, as TOML writes it.
std::string dotted(const std::string& key, const std::string& name)
{
    const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
    });
    return key + (key.empty() ? "" : ".") + (bare ? name : "\"" + name + "\"");
}

void add_setting(const std::string& key, const json::Value& value, const std::string& source, json::Array& into)
{
    json::Object line;
    line.set("key", key).set("value", value).set("source", source);
    into.add(line);
}

// {"value", "origin", "where"} of every key, by its dotted name. A table of the file may have members of these names, but
// they are objects.
void flatten(const json::Value& value, const std::string& key, json::Array& into)
{
    if (const auto origin = json::find_string(value, "origin"); origin) {
        const std::string where = json::string_or(value, "where");
        return add_setting(key, *json::find(value, "value"), *origin + (where.empty() ? "" : ", " + where), into);
    }
    if (value.IsObject())
        for (const auto& member : value.GetObject())
            flatten(member.value, dotted(key, member.name.GetString()), into);
}

// What a plugin is configured with and the file does not say.
void add_defaults(const json::Value& complete, const json::Value* given, const std::string& key, json::Array& into)
{
    if (!complete.IsObject()) {
        if (given == nullptr)
            add_setting(key, complete, std::string(config::to_string(config::Origin::built_in)), into);
        return;
    }
    for (const auto& member : complete.GetObject()) {
        const std::string name = member.name.GetString();
        add_defaults(member.value, given != nullptr ? json::find(*given, name) : nullptr, dotted(key, name), into);
    }
}

sdk::Result<Answer> show_config(Service& service, const Exchange&, Operation&)
{
    auto& engine = service.engine();
    auto nested = json::parse_object(config::to_json(engine.config), "the configuration");
    if (!nested)
        return std::move(nested).error();
    json::Array values;
    flatten(*nested, "", values);
    const json::Value* sections = json::find(*nested, "plugin");
    for (const auto& plugin : engine.registry.list())
        if (auto complete = json::parse_object(plugin.config, "the configuration of a plugin"); complete)
            add_defaults(*complete, sections != nullptr ? json::find(*sections, plugin.id) : nullptr,
                         dotted("plugin", plugin.id), values);
    Answer answer;
    answer.result.set("path", engine.paths.config_file).set("values", values);
    return answer;
}

// A file that is not in use yet: its text, so that the daemon reads no file on anybody's behalf.
sdk::Result<Answer> validate_config(Service& service, const Exchange& exchange, Operation&)
{
    auto text = json::require_string(exchange->params(), "text", "the request");
    if (!text)
        return std::move(text).error();
    auto& engine = service.engine();
    const std::string file = json::string_or(exchange->params(), "file", engine.paths.config_file);
    json::Array problems;
    const auto add = [&](std::uint64_t line, const sdk::Error& error) {
        json::Object problem;
        problem.set("line", line).set("message", error.message).set("hint", error.hint);
        problems.add(problem);
    };
    const auto own = config::find_problems(*text, file, engine.host);
    for (const auto& problem : own)
        add(problem.line, problem.error);
    if (const auto config = config::parse(*text, file, engine.host))
        for (const auto& error : engine.registry.check_config(config->plugins))
            add(config::line_in(error.message, file), error);
    Answer answer;
    answer.result.set("problems", problems);
    return answer;
}

sdk::Result<Answer> run_doctor(Service& service, const Exchange&, Operation& operation)
{
    json::Array checks;
    for (const auto& finding : doctor::run_all(service.engine(), operation)) {
        json::Object check;
        check.set("name", finding.name).set("status", doctor::to_string(finding.status));
        check.set("message", finding.message).set("hint", finding.hint);
        checks.add(check);
    }
    Answer answer;
    answer.result.set("checks", checks);
    return answer;
}

sdk::Result<Answer> audit(Service& service, const Exchange& exchange, Operation& operation)
{
    auto report = lifecycle::audit(service.engine(), json::bool_or(exchange->params(), "repair"), operation);
    if (!report)
        return std::move(report).error();
    json::Array findings;
    for (const auto& line : report->lines) {
        json::Object finding;
        finding.set("kind", handles::to_string(line.finding.kind)).set("what", line.finding.what);
        finding.set("vm", line.finding.vm).set("action", line.action);
        findings.add(finding);
    }
    Answer answer;
    answer.result.set("clean", report->clean()).set("findings", findings);
    return answer;
}

}  // namespace

Methods host_methods()
{
    return {{"daemon.status", status},    {"daemon.stop", daemon_stop}, {"plugin.list", list_plugins},
            {"plugin.show", show_plugin}, {"config.show", show_config}, {"config.validate", validate_config},
            {"doctor", run_doctor},       {"audit", audit}};
}

}  // namespace banger::daemon
