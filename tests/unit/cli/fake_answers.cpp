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
        object.set("kernel", kernel).set("disk_bytes", 0).set("kept", false);
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

sdk::Result<json::Object> restarted(const json::Value& params)
{
    auto vm = vm_named(params);
    if (!vm)
        return vm;
    auto now = vm_answer(json::string_or(params, "vm"), "running");
    now.set("was_running", json::string_or(params, "vm") != "db");
    return now;
}

sdk::Result<json::Object> changed(const json::Value& params)
{
    if (json::string_or(params, "vm") == "web")
        return sdk::make_error(sdk::Code::precondition, "vm 'web' is running, and is only changed while stopped",
                               "`banger vm stop web` first, and `banger vm start web` afterwards");
    return stopped(params);
}

json::Object counters(std::uint64_t bytes, std::uint64_t packets)
{
    json::Object object;
    object.set("rx_bytes", bytes).set("rx_packets", packets).set("tx_bytes", bytes / 2).set("tx_packets", packets / 2);
    return object;
}

json::Object host_stats(bool running, std::uint64_t look)
{
    json::Array disks;
    for (const char* role : {"root", "work"}) {
        json::Object disk;
        disk.set("role", role).set("bytes", 8 * gibibyte).set("allocated_bytes", gibibyte / 4);
        disk.set("apparent_bytes", gibibyte / 2);
        disks.add(disk);
    }
    json::Object host;
    if (running)
        host.set("cpu_ms", 5000 + 120 * look).set("resident_bytes", gibibyte / 2).set("processes", 3);
    else
        host.set_null("cpu_ms").set_null("resident_bytes").set_null("processes");
    host.set("disks", disks);
    if (running)
        host.set("network", counters(3U << 20U, 4000).set("refused_packets", 2));
    else
        host.set_null("network");
    return host;
}

json::Object guest_stats()
{
    json::Array load;
    load.add(json::Value(0.25)).add(json::Value(0.5)).add(json::Value(1.0));
    json::Object memory;
    memory.set("total_bytes", 2 * gibibyte).set("available_bytes", 3 * gibibyte / 2);
    json::Array disks;
    for (const auto& [role, mount] : {std::pair{"root", "/"}, {"work", "/root"}}) {
        json::Object disk;
        disk.set("role", role).set("mount", mount).set("total_bytes", 8 * gibibyte).set("free_bytes", 6 * gibibyte);
        disks.add(disk);
    }
    json::Array network;
    network.add(json::Object().set("name", "eth0").set_all(counters(3U << 20U, 4000).value()));
    json::Object guest;
    guest.set("uptime_ms", 90'000).set("load", load).set("memory", memory).set("disks", disks).set("network", network);
    return guest;
}

// Each look at a machine is a second after the one before, in which it worked for 120 ms.
sdk::Result<json::Object> stats(const json::Value& params)
{
    auto vm = vm_named(params);
    if (!vm)
        return vm;
    static std::map<std::string, std::uint64_t> looks;
    const std::string name = json::string_or(vm->value(), "name");
    const std::uint64_t look = looks[name]++;
    const bool running = json::string_or(vm->value(), "state") == "running";
    json::Object object;
    object.set("id", "3fa94b0c11d2").set("name", name).set("state", running ? "running" : "stopped");
    object.set("vcpus", 2).set("memory_mib", 2048).set("sampled_ms", 1'000'000 + 1000 * look);
    object.set("host", host_stats(running, look));
    if (running)
        object.set("guest", guest_stats());
    else
        object.set_null("guest");
    object.set("guest_problem", "");
    return object;
}

sdk::Result<json::Object> health(const json::Value& params)
{
    auto vm = vm_named(params);
    if (!vm)
        return vm;
    const bool running = json::string_or(vm->value(), "state") == "running";
    json::Array checks;
    const auto add = [&](const char* name, const char* status, const char* message, const char* hint) {
        json::Object check;
        check.set("name", name).set("status", status).set("message", message).set("hint", hint);
        checks.add(check);
    };
    json::Object object;
    object.set("id", "3fa94b0c11d2").set("name", json::string_or(params, "vm"));
    object.set("state", running ? "running" : "stopped").set("healthy", running);
    if (running) {
        object.set("round_trip_ms", 1.5).set("clock_drift_ms", 12).set("init_state", "degraded");
        add("vmm", "ok", "its VMM runs as process 4711", "");
        add("init", "warning", "systemd is degraded: a unit has failed",
            "`banger vm exec web -- systemctl --failed` lists which");
    } else {
        object.set_null("round_trip_ms").set_null("clock_drift_ms").set("init_state", "");
        add("vmm", "failed", "it is stopped", "`banger vm start db` starts it");
    }
    object.set("checks", checks);
    return object;
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
    object.set("guest_init", "systemd");
    return object;
}

json::Object port(std::uint64_t number, const std::string& address, std::uint64_t host_port, const std::string& problem)
{
    json::Object object;
    object.set("port", number).set("addresses", std::vector<std::string>{address}).set("process", "server");
    object.set("host_port", host_port).set("problem", problem).set("pid", std::uint64_t{812});
    return object;
}

json::Object session_named(const std::string& name, const std::string& vm, const std::string& state)
{
    json::Object object;
    object.set("name", name).set("vm", vm).set("vm_id", "3fa94b0c11d2").set("state", state);
    object.set("argv", std::vector<std::string>{"make", "-j4", "all of it"}).set("user", "").set("cwd", "/root/repo");
    object.set("tty", state == "running");
    if (state == "running")
        object.set("pid", 812);
    else
        object.set_null("pid");
    object.set("started", "2026-02-03T04:05:06Z");
    if (state == "lost")
        object.set_null("ran_ms");
    else
        object.set("ran_ms", 185000);
    if (state == "ended")
        object.set("exit_code", 0);
    else
        object.set_null("exit_code");
    object.set("signal", "").set("by_machine", false).set("attached", state == "running").set("viewers", 2);
    object.set("written_bytes", std::uint64_t{6} << 20U).set("dropped_bytes", std::uint64_t{2} << 20U);
    object.set("log_bytes", std::uint64_t{4} << 20U);
    object.set("log_problem", name == "cramped" ? "No space left on device" : "");
    return object;
}

/// "lasting", "cramped" and "stolen" run, all others have ended.
sdk::Result<json::Object> session(const json::Value& params)
{
    const std::string name = json::string_or(params, "name");
    if (name == "nobody")
        return sdk::make_error(sdk::Code::not_found, "there is no session 'nobody' in the vm",
                               "see `banger vm session list`");
    return session_named(name, json::string_or(params, "vm"),
                         name == "lasting" || name == "cramped" || name == "stolen" ? "running" : "ended");
}

sdk::Result<json::Object> started_session(const json::Value& params)
{
    const std::string name = json::string_or(params, "name");
    return session_named(name.empty() ? "make" : name, json::string_or(params, "vm"), "running");
}

sdk::Result<json::Object> sessions(const json::Value& params)
{
    const std::string vm = json::string_or(params, "vm");
    const auto runs = session_named("server", vm, "running");
    const auto ended = session_named("build", vm, "ended");
    const auto lost = session_named("old", vm, "lost");
    return list_of("sessions", {&ended, &lost, &runs});
}

// Nobody listens there but the fake's own words.
sdk::Result<json::Object> guest_ports(const json::Value& params)
{
    json::Object object;
    object.set("id", "3fa94b0c11d2").set("name", json::string_or(params, "vm")).set("address", "127.86.12.34");
    object.set("host_name", json::string_or(params, "vm") + ".vm").set("publish", "auto");
    const auto open = port(3000, "0.0.0.0", 3000, "");
    const auto moved = port(80, "127.0.0.1", 10080, "cannot listen on 127.86.12.34:80: Permission denied");
    const auto nowhere = port(65000, "::", 0, "cannot listen on 127.86.12.34:65000: Address already in use");
    object.set("ports", list_of("ports", {&moved, &open, &nowhere}).value()["ports"]);
    return object;
}

sdk::Result<json::Object> names(const json::Value& /*params*/)
{
    json::Object web;
    web.set("name", "web.vm").set("addresses", std::vector<std::string>{"127.86.12.34"});
    json::Object object;
    object.set("address", "127.0.0.1").set("port", "42070").set("wanted_port", "42069").set("zone", "vm");
    object.set("names", list_of("names", {&web}).value()["names"]);
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

sdk::Result<json::Object> bundle(const json::Value& params)
{
    json::Object result;
    result.set("file", json::string_or(params, "directory") + "/x.tar.zst").set("digest", "sha256:0").set("bytes", 1 << 20);
    result.set("entry", json::Object());
    return result;
}

sdk::Result<json::Object> spare(const json::Value& params)
{
    json::Object image;
    image.set("id", "0123456789abcdef").set("name", "local/web:1").set("bytes", 3 * gibibyte / 2);
    image.set("why", json::bool_or(params, "all") ? "it can be had again" : "no name leads to it");
    json::Object result;
    result.set("images", list_of("images", {&image}).value()["images"]).set("freed_bytes", 3 * gibibyte / 2);
    return result;
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

// A plugin that takes only its own words.
sdk::Result<json::Object> judged(const json::Value& params)
{
    json::Array problems;
    if (json::string_or(params, "text").find("accelerator = \"warp\"") != std::string::npos) {
        const std::string place = json::string_or(params, "file") + ":2: ";
        json::Object problem;
        problem.set("line", 2).set("hint", "known: auto, kvm, tcg");
        problem.set("message",
                    place + "accelerator in [plugin.vmm-qemu] cannot be \"warp\": it is one of auto, kvm, tcg");
        problems.add(problem);
    }
    json::Object object;
    object.set("problems", problems);
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

json::Object status_answer(const std::string& build, const std::string& config, const std::string& home)
{
    json::Object status;
    status.set("pid", 4242).set("version", "0.1.0").set("build", build.empty() ? std::string(rpc::build_id()) : build);
    status.set("protocol", rpc::protocol_version).set("socket", "/run/user/1000/banger/bangerd.sock");
    status.set("home", home).set("config", config).set("instance", "0a1b2c3d");
    status.set("uptime_s", 7385).set("vms", 2).set("streams", 0);
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
    vm.set("started", "2026-02-03T04:05:06Z").set("last_used", "2026-02-03T05:06:07Z").set("paused_for", "");
    vm.set("providers", providers);
    if (state == "running")
        vm.set("address", "10.0.2.15").set("pid", 4711).set("accelerator", "tcg").set("jail", "");
    else
        vm.set("address", "").set_null("pid").set("accelerator", "").set("jail", "");
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
        {"vm.restart", restarted},
        {"vm.set", changed},
        {"vm.stats", stats},
        {"vm.health", health},
        {"vm.delete", deleted},
        {"vm.show", shown},
        {"vm.ssh", ssh},
        {"vm.ports", guest_ports},
        {"vm.session.start", started_session},
        {"vm.session.list", sessions},
        {"vm.session.show", session},
        {"vm.session.stop", session},
        {"vm.session.kill", session},
        {"dns.status", names},
        {"ssh.key",
         [](const json::Value&) -> sdk::Result<json::Object> {
             json::Object key;
             key.set("identity", "/home/me/.local/state/banger/ssh/id_ed25519");
             return key;
         }},
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
        {"image.import",
         [](const json::Value& p) -> sdk::Result<json::Object> {
             if (json::string_or(p, "path") == "/srv/missing")
                 return sdk::make_error(sdk::Code::not_found, "there is no /srv/missing");
             return catalogue_entry(p, "debian-cloud");
         }},
        {"image.promote", [](const json::Value& p) { return catalogue_entry(p, "debian-cloud"); }},
        {"image.prune", spare},
        {"image.bundle", bundle},
        {"image.publish", bundle},
        {"kernel.bundle", bundle},
        {"kernel.publish", bundle},
        {"image.cache_prune",
         [](const json::Value&) -> sdk::Result<json::Object> {
             json::Object result;
             result.set("files", 3).set("freed_bytes", std::uint64_t{52'428'800});
             return result;
         }},
        {"kernel.show",
         [](const json::Value& p) -> sdk::Result<json::Object> {
             if (json::string_or(p, "name").starts_with("local-"))
                 return sdk::make_error(sdk::Code::not_found, "there is no kernel of that name");
             return catalogue_entry(p, "");
         }},
        {"kernel.pull", [](const json::Value& p) { return catalogue_entry(p, ""); }},
        {"kernel.import", [](const json::Value& p) { return catalogue_entry(p, ""); }},
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
        {"config.validate", judged},
        {"doctor", checks},
        {"audit", audit},
    };
    const auto answer = answers.find(method);
    if (answer == answers.end())
        return sdk::make_error(sdk::Code::unsupported, "there is no method '" + method + "'");
    return answer->second(params);
}

}  // namespace banger::cli::testing
