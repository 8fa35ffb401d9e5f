// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/model/vm.hpp"

#include <array>

namespace banger::model {
namespace {

template <typename E, std::size_t N>
using Words = std::array<std::pair<E, std::string_view>, N>;

constexpr Words<Desired, 5> desired_words{{{Desired::creating, "creating"},
                                           {Desired::stopped, "stopped"},
                                           {Desired::starting, "starting"},
                                           {Desired::running, "running"},
                                           {Desired::deleted, "deleted"}}};
constexpr Words<Removal, 3> removal_words{{{Removal::never, "never"},
                                           {Removal::with_session, "with-session"},
                                           {Removal::when_stopped, "when-stopped"}}};
constexpr Words<Init, 3> init_words{{{Init::automatic, "auto"}, {Init::image, "image"}, {Init::banger, "banger"}}};
constexpr Words<Publish, 2> publish_words{{{Publish::automatic, "auto"}, {Publish::none, "none"}}};
constexpr Words<Ready, 2> ready_words{{{Ready::agent, "agent"}, {Ready::system, "system"}}};

template <typename E, std::size_t N>
std::string_view word_of(const Words<E, N>& words, E value)
{
    for (const auto& [candidate, word] : words)
        if (candidate == value)
            return word;
    return words.front().second;
}

template <typename E, std::size_t N>
std::optional<E> value_of(const Words<E, N>& words, std::string_view text)
{
    for (const auto& [value, word] : words)
        if (word == text)
            return value;
    return std::nullopt;
}

// Reads an optional word; a word outside the vocabulary is refused by name.
template <typename E>
sdk::Result<std::optional<E>> read_word(const json::Value& value, const char* key,
                                        std::optional<E> (*parse)(std::string_view))
{
    const auto text = json::find_string(value, key);
    if (!text)
        return std::optional<E>();
    const auto parsed = parse(*text);
    if (!parsed)
        return sdk::make_error(sdk::Code::invalid, "'" + *text + "' is no value for " + key);
    return parsed;
}

}  // namespace

std::string_view to_string(Desired desired) { return word_of(desired_words, desired); }
std::string_view to_string(Removal removal) { return word_of(removal_words, removal); }
std::string_view to_string(Init init) { return word_of(init_words, init); }
std::string_view to_string(Ready ready) { return word_of(ready_words, ready); }
std::string_view to_string(Publish publish) { return word_of(publish_words, publish); }
std::optional<Desired> desired_from_string(std::string_view text) { return value_of(desired_words, text); }
std::optional<Removal> removal_from_string(std::string_view text) { return value_of(removal_words, text); }
std::optional<Init> init_from_string(std::string_view text) { return value_of(init_words, text); }
std::optional<Ready> ready_from_string(std::string_view text) { return value_of(ready_words, text); }
std::optional<Publish> publish_from_string(std::string_view text) { return value_of(publish_words, text); }

json::Object to_json(const VmSpec& spec)
{
    json::Object object;
    object.set("name", spec.name).set("image", spec.image).set("kernel", spec.kernel);
    if (spec.vcpus)
        object.set("vcpus", *spec.vcpus);
    if (spec.memory_mib)
        object.set("memory_mib", *spec.memory_mib);
    if (spec.disk_bytes)
        object.set("disk_bytes", *spec.disk_bytes);
    object.set("environment", spec.environment);
    if (spec.egress)
        object.set("egress", sdk::to_string(*spec.egress));
    if (spec.init)
        object.set("init", to_string(*spec.init));
    if (spec.ready)
        object.set("ready", to_string(*spec.ready));
    if (spec.publish)
        object.set("publish", to_string(*spec.publish));
    object.set("removal", to_string(spec.removal));
    object.set("vmm", spec.vmm).set("storage", spec.storage).set("network", spec.network);
    return object;
}

const std::vector<std::string>& spec_members()
{
    static const std::vector<std::string> members{
        "name", "image", "kernel", "vcpus", "memory_mib", "disk_bytes", "environment",
        "egress", "init", "ready", "publish", "removal", "vmm", "storage", "network"};
    return members;
}

sdk::Result<VmSpec> spec_from_json(const json::Value& value)
{
    VmSpec spec;
    spec.name = json::string_or(value, "name");
    spec.image = json::string_or(value, "image");
    spec.kernel = json::string_or(value, "kernel");
    spec.vcpus = json::find_uint(value, "vcpus");
    spec.memory_mib = json::find_uint(value, "memory_mib");
    spec.disk_bytes = json::find_uint(value, "disk_bytes");
    for (const char* key : {"vcpus", "memory_mib", "disk_bytes"})
        if (json::find(value, key) != nullptr && !json::find_uint(value, key))
            return sdk::make_error(sdk::Code::invalid, std::string(key) + " is not a whole number of at least 0");
    spec.environment = json::find_fields(value, "environment");
    auto egress = read_word<sdk::Egress>(value, "egress", sdk::egress_from_string);
    auto init = read_word<Init>(value, "init", init_from_string);
    auto ready = read_word<Ready>(value, "ready", ready_from_string);
    auto publish = read_word<Publish>(value, "publish", publish_from_string);
    auto removal = read_word<Removal>(value, "removal", removal_from_string);
    if (!egress)
        return std::move(egress).error();
    if (!init)
        return std::move(init).error();
    if (!ready)
        return std::move(ready).error();
    if (!publish)
        return std::move(publish).error();
    if (!removal)
        return std::move(removal).error();
    spec.egress = *egress;
    spec.init = *init;
    spec.ready = *ready;
    spec.publish = *publish;
    spec.removal = removal->value_or(Removal::never);
    spec.vmm = json::string_or(value, "vmm");
    spec.storage = json::string_or(value, "storage");
    spec.network = json::string_or(value, "network");
    return spec;
}

json::Object to_json(const VmRecord& record)
{
    json::Object object;
    object.set("id", record.id).set("name", record.name).set("desired", to_string(record.desired));
    object.set("image", record.image).set("image_id", record.image_id);
    object.set("kernel", record.kernel).set("kernel_id", record.kernel_id);
    object.set("vcpus", record.vcpus).set("memory_mib", record.memory_mib).set("disk_bytes", record.disk_bytes);
    object.set("environment", record.environment).set("egress", sdk::to_string(record.egress));
    object.set("init", to_string(record.init)).set("ready", to_string(record.ready));
    object.set("publish", to_string(record.publish)).set("removal", to_string(record.removal));
    object.set("vmm", record.vmm).set("storage", record.storage).set("network", record.network);
    object.set("disk_format", record.disk_format).set("attachment", record.attachment);
    object.set("machine_id", record.machine_id).set("agent_token", record.agent_token);
    object.set("created", record.created).set("started", record.started).set("provisioned", record.provisioned);
    return object;
}

sdk::Result<VmRecord> record_from_json(const json::Value& value)
{
    VmRecord record;
    record.id = json::string_or(value, "id");
    record.name = json::string_or(value, "name");
    record.image = json::string_or(value, "image");
    record.image_id = json::string_or(value, "image_id");
    record.kernel = json::string_or(value, "kernel");
    record.kernel_id = json::string_or(value, "kernel_id");
    record.vcpus = json::uint_or(value, "vcpus");
    record.memory_mib = json::uint_or(value, "memory_mib");
    record.disk_bytes = json::uint_or(value, "disk_bytes");
    record.environment = json::find_fields(value, "environment");
    record.vmm = json::string_or(value, "vmm");
    record.storage = json::string_or(value, "storage");
    record.network = json::string_or(value, "network");
    record.disk_format = json::string_or(value, "disk_format");
    record.attachment = json::string_or(value, "attachment");
    record.machine_id = json::string_or(value, "machine_id");
    record.agent_token = json::string_or(value, "agent_token");
    record.created = json::find_int(value, "created").value_or(0);
    // A record without this is older than provisioning, and its VM is no longer new.
    record.provisioned = json::bool_or(value, "provisioned", true);
    record.started = json::find_int(value, "started").value_or(0);
    const auto desired = desired_from_string(json::string_or(value, "desired"));
    const auto egress = sdk::egress_from_string(json::string_or(value, "egress"));
    const auto init = init_from_string(json::string_or(value, "init"));
    const auto ready = ready_from_string(json::string_or(value, "ready"));
    // A record without this is older than publishing.
    const auto publish = publish_from_string(json::string_or(value, "publish", std::string(to_string(Publish::automatic))));
    const auto removal = removal_from_string(json::string_or(value, "removal"));
    if (record.id.empty() || record.name.empty() || !desired || !egress || !init || !ready || !publish || !removal)
        return sdk::make_error(sdk::Code::corrupt, "the record of vm '" + record.name + "' is incomplete");
    record.desired = *desired;
    record.egress = *egress;
    record.init = *init;
    record.ready = *ready;
    record.publish = *publish;
    record.removal = *removal;
    return record;
}

}  // namespace banger::model
