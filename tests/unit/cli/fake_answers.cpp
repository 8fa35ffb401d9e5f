// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/unit/cli/fake_answers.hpp"

#include <functional>
#include <map>

#include "core/rpc/build.hpp"
#include "core/rpc/message.hpp"

namespace banger::cli::testing {
namespace {

constexpr std::uint64_t gibibyte = 1ULL << 30U;

json::Object handle(const std::string& kind, const std::string& provider, const std::string& key,
                    const std::string& state)
{
    json::Object bound;
    bound.set("pid", "4711").set("start_time", "880197");
    json::Object object;
    object.set("kind", kind).set("provider", provider).set("key", key).set("state", state).set("bound", bound);
    return object;
}

json::Object entry(const std::string& name, const std::string& kernel, bool pulled)
{
    json::Object facts;
    if (pulled)
        facts.set("init", "systemd").set("has_sshd", "true");
    json::Object object;
    object.set("name", name).set("description", "Debian 12 for development").set("source", "debian");
    object.set("default", pulled).set("state", pulled ? "pulled" : "available").set("problem", "");
    object.set("id", pulled ? "0123456789abcdef" : "");
    object.set("bytes", pulled ? 3 * gibibyte / 2 : 0);
    object.set("created", pulled ? "2026-01-02T03:04:05Z" : "");
    object.set("used_by", pulled ? std::vector<std::string>{"web"} : std::vector<std::string>{}).set("facts", facts);
    if (kernel.empty())
        object.set("version", pulled ? "6.1.0-44-cloud-amd64" : "");
    else
        object.set("kernel", kernel);
    return object;
}

json::Object plugin(const std::string& id, const std::string& kind, const std::string& name, bool usable)
{
    json::Object facts;
    facts.set("accelerator", "tcg");
    json::Object provider;
    provider.set("kind", kind).set("name", name).set("usable", usable);
    provider.set("reason", usable ? "machines are emulated" : "there is no /dev/kvm");
    provider.set("hint", usable ? "" : "load the module kvm_amd or kvm_intel")
        .set("picked", usable)
        .set("facts", facts);
    json::Array provides;
    provides.add(provider);
    json::Object object;
    object.set("id", id).set("version", "0.1.0").set("path", "/usr/lib/banger/plugins/" + id + ".so");
    object.set("state", "loaded").set("reason", "").set("hint", "").set("provides", provides);
    return object;
}

json::Object list_of(const std::string& key, const std::vector<const json::Object*>& items)
{
    json::Array array;
    for (const auto* item : items)
        array.add(*item);
    json::Object object;
    object.set(key, array);
    return object;
}

sdk::Result<json::Object> vm_named(const json::Value& params)
{
    const std::string vm = json::string_or(params, "vm");
    if (vm == "nobody")
        return sdk::make_error(sdk::Code::not_found, "there is no vm 'nobody'", "see `banger vm list`");
    return vm_answer(vm == "3fa94b0c11d2" ? "web" : vm, vm == "db" ? "stopped" : "running");
}

sdk::Result<json::Object> shown(const json::Value& params)
{
    auto vm = vm_named(params);
    if (vm && json::bool_or(params, "handles")) {
        json::Array handles;
        handles.add(handle("network/0", "user", "link", "bound")).add(handle("vmm/0", "qemu", "process", "bound"));
        vm->set("handles", handles);
    }
    return vm;
}

sdk::Result<json::Object> stopped(const json::Value& params)
{
    auto vm = vm_named(params);
    if (!vm)
        return vm;
    return vm_answer(json::string_or(params, "vm"), "stopped");
}

sdk::Result<json::Object> deleted(const json::Value& params)
{
    auto vm = vm_named(params);
    if (!vm)
        return vm;
    json::Object object;
    object.set("id", "3fa94b0c11d2").set("name", json::string_or(params, "vm"));
    return object;
}

sdk::Result<json::Object> ssh(const json::Value& params)
{
    json::Object object;
    object.set("user", "root")
        .set("identity", "/home/me/.local/state/banger/id")
        .set("known_hosts", "/home/me/known hosts");
    object.set("host_alias", "web.vm").set("has_sshd", json::string_or(params, "vm") != "small");
    return object;
}

sdk::Result<json::Object> recovered(const json::Value& params)
{
    json::Array vms;
    vms.add(vm_answer("web", "stopped"));
    json::Object skip;
    skip.set("path", "/state/vms/aaaabbbbcccc").set("reason", "its record cannot be read");
    json::Array skipped;
    skipped.add(skip);
    json::Object object;
    object.set("recovered", vms).set("skipped", skipped);
    object.set("database_moved_to", json::bool_or(params, "replace_database") ? "/state/banger.db.damaged" : "");
    return object;
}

sdk::Result<json::Object> catalogue_entry(const json::Value& params, const std::string& kernel)
{
    const std::string name = json::string_or(params, "name");
    if (name == "debain")
        return sdk::make_error(sdk::Code::not_found, "there is no image 'debain'", "did you mean 'debian-bookworm'?");
    return entry(name, kernel, true);
}

sdk::Result<json::Object> freed(const json::Value& params)
{
    json::Object object;
    object.set("name", json::string_or(params, "name")).set("freed_bytes", 3 * gibibyte / 2);
    return object;
}

sdk::Result<json::Object> settings(const json::Value& /*params*/)
{
    json::Object name;
    name.set("key", "vm_defaults.image").set("value", "debian-bookworm").set("source", "built-in");
    json::Object vcpu;
    vcpu.set("key", "vm_defaults.vcpu").set("value", 2).set("source", "config, /home/me/.config/banger/config.toml:3");
    json::Object object;
    object.set("path", "/home/me/.config/banger/config.toml");
    object.set("values", list_of("values", {&name, &vcpu}).value()["values"]);
    return object;
}

json::Object check(const std::string& name, const std::string& status, const std::string& message,
                   const std::string& hint)
{
    json::Object object;
    object.set("name", name).set("status", status).set("message", message).set("hint", hint);
    return object;
}

sdk::Result<json::Object> checks(const json::Value& /*params*/)
{
    const auto qemu = check("qemu", "ok", "QEMU 7.2.22", "");
    const auto kvm =
        check("kvm", "warning", "/dev/kvm opens, but an ordinary guest does not run on it; machines are emulated",
              "on a cloud host, choose one with nested virtualisation");
    const auto disk = check("disk", "failed", "12 MiB are free in /state", "free some");
    return list_of("checks", {&qemu, &kvm, &disk});
}

sdk::Result<json::Object> audit(const json::Value& params)
{
    json::Object finding;
    const bool repair = json::bool_or(params, "repair");
    finding.set("kind", "unclaimed-object").set("what", "vmm/0 qemu process exists, and no journal names it");
    finding.set("vm", "").set("action", repair ? "removed" : "none");
    json::Object object;
    object.set("clean", repair).set("findings", list_of("findings", {&finding}).value()["findings"]);
    return object;
}

}  // namespace

json::Object status_answer(const std::string& build)
{
    json::Object status;
    status.set("pid", 4242).set("version", "0.1.0").set("build", build.empty() ? std::string(rpc::build_id()) : build);
    status.set("protocol", rpc::protocol_version).set("socket", "/run/user/1000/banger/bangerd.sock");
    status.set("home", "/home/me/.local/state/banger").set("instance", "0a1b2c3d").set("uptime_s", 7385);
    status.set("vms", 2).set("streams", 0);
    return status;
}

json::Object vm_answer(const std::string& name, const std::string& state)
{
    json::Object providers;
    providers.set("vmm", "qemu").set("storage", "file").set("network", "user");
    json::Array disks;
    for (const char* role : {"root", "work"}) {
        json::Object disk;
        disk.set("role", role).set("format", "qcow2").set("bytes", 8 * gibibyte);
        disks.add(disk);
    }
    json::Object vm;
    vm.set("id", "3fa94b0c11d2")
        .set("name", name)
        .set("state", state)
        .set("desired", state)
        .set("image", "debian-bookworm");
    vm.set("kernel", "debian-cloud").set("vcpus", 2).set("memory_mib", 2048).set("disk_bytes", 8 * gibibyte);
    vm.set("egress", "internet").set("init", "auto").set("removal", "never").set("created", "2026-01-02T03:04:05Z");
    vm.set("providers", providers);
    if (state == "running")
        vm.set("address", "10.0.2.15").set("pid", 4711).set("accelerator", "tcg");
    else
        vm.set("address", "").set_null("pid").set("accelerator", "");
    vm.set("disks", disks).set("leftovers", std::vector<std::string>{}).set("busy", "");
    return vm;
}

sdk::Result<json::Object> canned_answer(const std::string& method, const json::Value& params)
{
    using Answer = std::function<sdk::Result<json::Object>(const json::Value&)>;
    static const std::map<std::string, Answer> answers{
        {"vm.start", vm_named},
        {"vm.stop", stopped},
        {"vm.kill", stopped},
        {"vm.delete", deleted},
        {"vm.show", shown},
        {"vm.ssh", ssh},
        {"vm.recover", recovered},
        {"vm.list",
         [](const json::Value&) -> sdk::Result<json::Object> {
             const auto web = vm_answer("web", "running");
             const auto db = vm_answer("db", "stopped");
             return list_of("vms", {&web, &db});
         }},
        {"image.list",
         [](const json::Value&) -> sdk::Result<json::Object> {
             const auto full = entry("debian-bookworm", "debian-cloud", true);
             const auto small = entry("debian-bookworm-minimal", "debian-cloud", false);
             return list_of("images", {&full, &small});
         }},
        {"kernel.list",
         [](const json::Value&) -> sdk::Result<json::Object> {
             const auto cloud = entry("debian-cloud", "", true);
             return list_of("kernels", {&cloud});
         }},
        {"image.show", [](const json::Value& p) { return catalogue_entry(p, "debian-cloud"); }},
        {"image.pull", [](const json::Value& p) { return catalogue_entry(p, "debian-cloud"); }},
        {"kernel.show", [](const json::Value& p) { return catalogue_entry(p, ""); }},
        {"kernel.pull", [](const json::Value& p) { return catalogue_entry(p, ""); }},
        {"image.delete", freed},
        {"kernel.delete", freed},
        {"plugin.list",
         [](const json::Value&) -> sdk::Result<json::Object> {
             const auto qemu = plugin("vmm-qemu", "vmm/0", "qemu", true);
             const auto firecracker = plugin("vmm-firecracker", "vmm/0", "firecracker", false);
             return list_of("plugins", {&qemu, &firecracker});
         }},
        {"plugin.show",
         [](const json::Value&) -> sdk::Result<json::Object> { return plugin("vmm-qemu", "vmm/0", "qemu", true); }},
        {"config.show", settings},
        {"doctor", checks},
        {"audit", audit},
    };
    const auto answer = answers.find(method);
    if (answer == answers.end())
        return sdk::make_error(sdk::Code::unsupported, "there is no method '" + method + "'");
    return answer->second(params);
}

}  // namespace banger::cli::testing
