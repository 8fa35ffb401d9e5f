// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/values.hpp"

namespace banger::privd {
namespace {

// Reads members until one is wrong, and remembers which.
class Members {
public:
    explicit Members(const json::Value& object) : object_(object) {}

    std::string text(const char* key) { return take(json::find_string(object_, key), key, "text"); }
    std::uint64_t number(const char* key) { return take(json::find_uint(object_, key), key, "whole number"); }
    bool truth(const char* key) { return take(json::find_bool(object_, key), key, "true or false"); }
    sdk::Fields fields(const char* key)
    {
        const json::Value* member = json::find(object_, key);
        auto fields = json::find_fields(object_, key);
        if (member == nullptr || !member->IsObject() || fields.size() != member->MemberCount())
            complain(key, "object of texts");
        return fields;
    }
    std::vector<std::string> texts(const char* key)
    {
        const json::Value* member = json::find(object_, key);
        auto texts = json::find_strings(object_, key);
        if (member == nullptr || !member->IsArray() || texts.size() != member->Size())
            complain(key, "list of texts");
        return texts;
    }
    template <typename T>
    T value(const char* key)
    {
        auto value = decode_member<T>(object_, key);
        if (!value && !problem_)
            problem_ = value.error();
        return value ? std::move(*value) : T{};
    }
    template <typename T>
    std::optional<T> optional(const char* key)
    {
        return json::find(object_, key) == nullptr ? std::nullopt : std::optional(value<T>(key));
    }

    template <typename T>
    sdk::Result<T> done(T value)
    {
        if (problem_)
            return std::move(*problem_);
        return value;
    }

private:
    template <typename T>
    T take(std::optional<T> found, const char* key, const char* what)
    {
        if (!found)
            complain(key, what);
        return found ? std::move(*found) : T{};
    }
    void complain(const char* key, const std::string& what)
    {
        if (!problem_)
            problem_ = sdk::make_error(sdk::Code::invalid, "a message has no " + what + " '" + key + "'");
    }

    const json::Value& object_;
    std::optional<sdk::Error> problem_;
};

template <typename T>
json::Object encode_list(const char* key, const std::vector<T>& values)
{
    json::Array list;
    for (const auto& value : values)
        list.add(encode(value));
    json::Object object;
    object.set(key, list);
    return object;
}

template <typename T>
sdk::Result<std::vector<T>> decode_list(const json::Value& object, const char* key)
{
    const json::Value* list = json::find(object, key);
    if (list == nullptr || !list->IsArray())
        return sdk::make_error(sdk::Code::invalid, "a message has no list '" + std::string(key) + "'");
    std::vector<T> values;
    for (const auto& item : list->GetArray()) {
        auto value = decode<T>(item);
        if (!value)
            return std::move(value).error();
        values.push_back(std::move(*value));
    }
    return values;
}

}  // namespace

json::Object encode(const sdk::Owner& owner)
{
    json::Object object;
    object.set("instance", owner.instance).set("vm", owner.vm).set("directory", owner.directory);
    return object;
}

template <>
sdk::Result<sdk::Owner> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Owner{members.text("instance"), members.text("vm"), members.text("directory")});
}

json::Object encode(const sdk::Handle& handle)
{
    json::Object object;
    object.set("kind", handle.kind).set("provider", handle.provider).set("key", handle.key);
    object.set("owner", encode(handle.owner)).set("bound", handle.bound);
    return object;
}

template <>
sdk::Result<sdk::Handle> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Handle{members.text("kind"), members.text("provider"), members.text("key"),
                                    members.value<sdk::Owner>("owner"), members.fields("bound")});
}

json::Object encode(const sdk::Layer& layer)
{
    json::Object object;
    object.set("path", layer.path).set("bytes", layer.bytes).set("format", layer.format);
    return object;
}

template <>
sdk::Result<sdk::Layer> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Layer{members.text("path"), members.number("bytes"), members.text("format")});
}

json::Object encode(const sdk::DiskSpec& spec)
{
    json::Object object;
    object.set("owner", encode(spec.owner)).set("role", spec.role).set("layer", encode(spec.layer));
    object.set("bytes", spec.bytes).set("format", spec.format);
    return object;
}

template <>
sdk::Result<sdk::DiskSpec> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::DiskSpec{members.value<sdk::Owner>("owner"), members.text("role"),
                                      members.value<sdk::Layer>("layer"), members.number("bytes"),
                                      members.text("format")});
}

json::Object encode(const sdk::Disk& disk)
{
    json::Object object;
    object.set("role", disk.role).set("path", disk.path).set("format", disk.format);
    object.set("read_only", disk.read_only).set("bytes", disk.bytes);
    if (disk.layer)
        object.set("layer", encode(*disk.layer));
    return object;
}

template <>
sdk::Result<sdk::Disk> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Disk{members.text("role"), members.text("path"), members.text("format"),
                                  members.truth("read_only"), members.number("bytes"),
                                  members.optional<sdk::Layer>("layer")});
}

json::Object encode(const sdk::FreezeSpec& spec)
{
    json::Object object;
    object.set("disk", encode(spec.disk)).set("layer_path", spec.layer_path);
    return object;
}

template <>
sdk::Result<sdk::FreezeSpec> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::FreezeSpec{members.value<sdk::DiskSpec>("disk"), members.text("layer_path")});
}

json::Object encode(const sdk::Freeze& freeze)
{
    json::Object object;
    object.set("layer", encode(freeze.layer));
    if (freeze.top)
        object.set("top", encode(*freeze.top));
    return object;
}

template <>
sdk::Result<sdk::Freeze> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Freeze{members.value<sdk::Layer>("layer"), members.optional<sdk::Disk>("top")});
}

json::Object encode(const sdk::LinkSpec& spec)
{
    json::Object object;
    object.set("owner", encode(spec.owner)).set("egress", sdk::to_string(spec.egress));
    object.set("attachment", spec.attachment);
    return object;
}

template <>
sdk::Result<sdk::LinkSpec> decode(const json::Value& value)
{
    Members members(value);
    const auto word = members.text("egress");
    auto spec = members.done(sdk::LinkSpec{members.value<sdk::Owner>("owner"), {}, members.text("attachment")});
    const auto egress = sdk::egress_from_string(word);
    if (spec && !egress)
        return sdk::make_error(sdk::Code::invalid, "there is no egress '" + word + "'");
    if (spec)
        spec->egress = *egress;
    return spec;
}

json::Object encode(const sdk::Link& link)
{
    json::Object attachment;
    attachment.set("kind", link.attachment.kind).set("fields", link.attachment.fields);
    json::Object object;
    object.set("attachment", attachment).set("mac", link.mac).set("address", link.address);
    object.set("gateway", link.gateway).set("dns", link.dns);
    return object;
}

template <>
sdk::Result<sdk::Link> decode(const json::Value& value)
{
    const json::Value nothing(rapidjson::kObjectType);
    const json::Value* inner = json::find(value, "attachment");
    Members attachment(inner != nullptr ? *inner : nothing);
    auto kind = attachment.done(sdk::Attachment{attachment.text("kind"), attachment.fields("fields")});
    if (!kind)
        return std::move(kind).error();
    Members members(value);
    return members.done(sdk::Link{std::move(*kind), members.text("mac"), members.text("address"),
                                  members.text("gateway"), members.texts("dns")});
}

json::Object encode(const sdk::Inspection& inspection)
{
    json::Object object;
    object.set("present", inspection.present).set("facts", inspection.facts);
    return object;
}

template <>
sdk::Result<sdk::Inspection> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Inspection{members.truth("present"), members.fields("facts")});
}

json::Object encode(const sdk::Probe& probe)
{
    json::Object object;
    object.set("usable", probe.usable).set("reason", probe.reason).set("hint", probe.hint);
    object.set("offers", probe.offers).set("accepts", probe.accepts).set("facts", probe.facts);
    return object;
}

template <>
sdk::Result<sdk::Probe> decode(const json::Value& value)
{
    Members members(value);
    return members.done(sdk::Probe{members.truth("usable"), members.text("reason"), members.text("hint"),
                                   members.texts("offers"), members.texts("accepts"), members.fields("facts")});
}

json::Object encode(const sdk::JailSpec& spec)
{
    json::Array files;
    for (const auto& file : spec.files) {
        json::Object object;
        object.set("inside", file.inside).set("source", file.source).set("writable", file.writable);
        files.add(object);
    }
    json::Object object;
    object.set("owner", encode(spec.owner)).set("argv", spec.argv).set("directory", spec.directory);
    object.set("output", spec.output).set("errors", spec.errors).set("files", files);
    return object;
}

template <>
sdk::Result<sdk::JailSpec> decode(const json::Value& value)
{
    Members members(value);
    auto spec = members.done(sdk::JailSpec{members.value<sdk::Owner>("owner"), members.texts("argv"),
                                           members.text("directory"), members.text("output"), members.text("errors"),
                                           {}});
    const json::Value* files = json::find(value, "files");
    if (spec && (files == nullptr || !files->IsArray()))
        return sdk::make_error(sdk::Code::invalid, "a message has no list 'files'");
    if (!spec)
        return spec;
    for (const auto& item : files->GetArray()) {
        Members file(item);
        auto read = file.done(sdk::JailedFile{file.text("inside"), file.text("source"), file.truth("writable")});
        if (!read)
            return std::move(read).error();
        spec->files.push_back(std::move(*read));
    }
    return spec;
}

json::Object encode(const sdk::os::ProcessId& process)
{
    json::Object object;
    object.set("pid", static_cast<std::uint64_t>(process.pid)).set("start_time", process.start_time);
    return object;
}

template <>
sdk::Result<sdk::os::ProcessId> decode(const json::Value& value)
{
    Members members(value);
    const auto pid = members.number("pid");
    auto process = members.done(sdk::os::ProcessId{static_cast<pid_t>(pid), members.number("start_time")});
    if (process && pid > INT32_MAX)
        return sdk::make_error(sdk::Code::invalid, "there is no process " + std::to_string(pid));
    return process;
}

json::Object encode(const units::ScopeSpec& spec)
{
    json::Object object = encode_list("processes", spec.processes);
    object.set("owner", encode(spec.owner));
    return object;
}

template <>
sdk::Result<units::ScopeSpec> decode(const json::Value& value)
{
    auto owner = decode_member<sdk::Owner>(value, "owner");
    auto processes = decode_list<sdk::os::ProcessId>(value, "processes");
    if (!owner || !processes)
        return owner ? std::move(processes).error() : std::move(owner).error();
    return units::ScopeSpec{std::move(*owner), std::move(*processes)};
}

json::Object encode(const sdk::NameServer& server)
{
    json::Object object;
    object.set("address", server.address).set("port", static_cast<std::uint64_t>(server.port)).set("zone", server.zone);
    return object;
}

template <>
sdk::Result<sdk::NameServer> decode(const json::Value& value)
{
    Members members(value);
    const auto port = members.number("port");
    auto server =
        members.done(sdk::NameServer{members.text("address"), static_cast<std::uint16_t>(port), members.text("zone")});
    if (server && port > UINT16_MAX)
        return sdk::make_error(sdk::Code::invalid, "there is no port " + std::to_string(port));
    return server;
}

json::Object encode(const std::vector<sdk::NameServer>& servers)
{
    return encode_list("servers", servers);
}

template <>
sdk::Result<std::vector<sdk::NameServer>> decode(const json::Value& value)
{
    return decode_list<sdk::NameServer>(value, "servers");
}

json::Object encode(const std::vector<sdk::Handle>& handles)
{
    return encode_list("handles", handles);
}

template <>
sdk::Result<std::vector<sdk::Handle>> decode(const json::Value& value)
{
    return decode_list<sdk::Handle>(value, "handles");
}

}  // namespace banger::privd
