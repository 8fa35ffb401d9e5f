// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/configure_messages.hpp"

#include <algorithm>

#include "guest/protocol/json.hpp"
#include "guest/protocol/preamble.hpp"

namespace banger::agent {
namespace {

bool is_hex(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
}

bool one_line(const std::string& text)
{
    return std::none_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\0'; });
}

/// A DNS label or several: what sethostname, /etc/hosts and a shell prompt all take as it is.
bool is_hostname(const std::string& name)
{
    return !name.empty() && name.size() <= 64 && name.front() != '-' && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                      c == '.';
           });
}

/// Calls `read` with the fields of each object in the array `key`.
template <typename Read>
void each_object(Fields& fields, const char* key, Read read)
{
    const auto* array = fields.array(key);
    if (array == nullptr)
        return;
    for (const auto& item : array->GetArray()) {
        if (!item.IsObject())
            return fields.refuse(key, "holds something that is not an object");
        Fields inner(item, std::string("'") + key + "'");
        read(inner);
        if (auto verdict = inner.verdict(); !verdict)
            return fields.refuse(key, "is wrong: " + verdict.error().message);
    }
}

void check(const Configuration& configuration, Fields& fields)
{
    if (!configuration.token.empty() && !token_from_hex(configuration.token))
        fields.refuse("token", "must have 64 hexadecimal digits");
    if (!is_hostname(configuration.hostname))
        fields.refuse("hostname", "is not a host name");
    if (!configuration.machine_id.empty() &&
        (configuration.machine_id.size() != 32 || !is_hex(configuration.machine_id)))
        fields.refuse("machine_id", "must have 32 hexadecimal digits");
    if (!std::all_of(configuration.authorized_keys.begin(), configuration.authorized_keys.end(), one_line))
        fields.refuse("authorized_keys", "holds a key that is not one line");
    if (!std::all_of(configuration.dns_search.begin(), configuration.dns_search.end(), is_hostname))
        fields.refuse("dns_search", "holds something that is not a domain");
    if (configuration.init != "auto" && configuration.init != "image" && configuration.init != "banger")
        fields.refuse("init", "must be auto, image or banger");
}

Configuration::Link read_link(Fields& item)
{
    Configuration::Link link{item.text("mac"), item.text("address"), item.text("gateway"), item.texts("dns")};
    for (const auto* text : {&link.mac, &link.address, &link.gateway})
        if (!one_line(*text))
            item.refuse("address", "holds a line break");
    if (!std::all_of(link.dns.begin(), link.dns.end(), one_line))
        item.refuse("dns", "holds a line break");
    return link;
}

}  // namespace

std::string to_json(const Configuration& configuration)
{
    JsonText json;
    json.begin_object()
        .member("token", configuration.token)
        .member("hostname", configuration.hostname)
        .member("machine_id", configuration.machine_id)
        .member("clock_ns", configuration.clock_ns)
        .member("seed", configuration.seed)
        .member("authorized_keys", configuration.authorized_keys)
        .member("dns_search", configuration.dns_search)
        .member("init", configuration.init);
    json.key("ssh_host_keys").begin_array();
    for (const auto& key : configuration.ssh_host_keys)
        json.begin_object()
            .member("name", key.name)
            .member("private", key.private_key)
            .member("public", key.public_key)
            .end_object();
    json.end_array().key("disks").begin_array();
    for (const auto& disk : configuration.disks)
        json.begin_object()
            .member("role", disk.role)
            .member("mount", disk.mount)
            .member("read_only", disk.read_only)
            .end_object();
    json.end_array().key("network").begin_array();
    for (const auto& link : configuration.network)
        json.begin_object()
            .member("mac", link.mac)
            .member("address", link.address)
            .member("gateway", link.gateway)
            .member("dns", link.dns)
            .end_object();
    return json.end_array().end_object().str();
}

sdk::Result<Configuration> configuration_from_json(std::string_view text)
{
    auto document = parse_object(text, "the guest configuration");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the guest configuration");
    Configuration configuration;
    configuration.token = fields.text("token");
    configuration.hostname = fields.text("hostname");
    configuration.machine_id = fields.text("machine_id");
    configuration.clock_ns = fields.number("clock_ns");
    configuration.seed = fields.text("seed");
    configuration.authorized_keys = fields.texts("authorized_keys");
    configuration.dns_search = fields.texts("dns_search");
    if (auto init = fields.text("init"); !init.empty())
        configuration.init = init;
    each_object(fields, "ssh_host_keys", [&](Fields& item) {
        configuration.ssh_host_keys.push_back({item.text("name"), item.text("private"), item.text("public")});
        const auto& name = configuration.ssh_host_keys.back().name;
        if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos || !one_line(name))
            item.refuse("name", "is not a file name");
    });
    each_object(fields, "disks", [&](Fields& item) {
        configuration.disks.push_back({item.text("role"), item.text("mount"), item.flag("read_only")});
        if (configuration.disks.back().role.empty() || !configuration.disks.back().mount.starts_with('/'))
            item.refuse("mount", "is not an absolute path, or 'role' is missing");
    });
    each_object(fields, "network", [&](Fields& item) { configuration.network.push_back(read_link(item)); });
    check(configuration, fields);
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return configuration;
}

std::string to_json(const GuestFacts& facts)
{
    JsonText json;
    json.begin_object()
        .member("kernel", facts.kernel)
        .member("init", facts.init)
        .member("has_sshd", facts.has_sshd)
        .member("root_bytes", facts.root_bytes)
        .key("spans")
        .begin_array();
    for (const auto& span : facts.spans)
        json.begin_object()
            .member("name", span.name)
            .member("start_ms", span.start_ms)
            .member("duration_ms", span.duration_ms)
            .end_object();
    return json.end_array().end_object().str();
}

sdk::Result<GuestFacts> guest_facts_from_json(std::string_view text)
{
    auto document = parse_object(text, "the guest's facts");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the guest's facts");
    GuestFacts facts;
    facts.kernel = fields.text("kernel");
    facts.init = fields.text("init");
    facts.has_sshd = fields.flag("has_sshd");
    facts.root_bytes = static_cast<std::uint64_t>(fields.number("root_bytes"));
    if (const auto* spans = fields.array("spans"))
        for (const auto& item : spans->GetArray())
            if (item.IsObject() && item.HasMember("name") && item["name"].IsString() && item.HasMember("start_ms") &&
                item["start_ms"].IsNumber() && item.HasMember("duration_ms") && item["duration_ms"].IsNumber())
                facts.spans.push_back(
                    {item["name"].GetString(), item["start_ms"].GetDouble(), item["duration_ms"].GetDouble()});
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return facts;
}

}  // namespace banger::agent
