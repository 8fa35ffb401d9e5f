// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace banger::firecracker {
namespace {

// Context addresses below are reserved (vsock(7)), and each Firecracker has a space of its own.
constexpr unsigned first_guest_address = 3;

class Json {
public:
    Json() : writer_(buffer_) { writer_.StartObject(); }
    Json& text(const char* key, const std::string& value)
    {
        writer_.Key(key);
        writer_.String(value);
        return *this;
    }
    Json& flag(const char* key, bool value)
    {
        writer_.Key(key);
        writer_.Bool(value);
        return *this;
    }
    Json& number(const char* key, std::uint64_t value)
    {
        writer_.Key(key);
        writer_.Uint64(value);
        return *this;
    }
    std::string done()
    {
        writer_.EndObject();
        return buffer_.GetString();
    }

private:
    rapidjson::StringBuffer buffer_;
    rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

// A string member of a JSON object; none if it is not there.
std::optional<std::string> member(std::string_view body, const char* key)
{
    rapidjson::Document document;
    document.Parse(body.data(), body.size());
    if (document.HasParseError() || !document.IsObject() || !document.HasMember(key) || !document[key].IsString())
        return std::nullopt;
    return document[key].GetString();
}

}  // namespace

Request boot_source(const std::string& kernel, const std::string& initramfs, const std::string& arguments)
{
    Json json;
    json.text("kernel_image_path", kernel);
    if (!initramfs.empty())
        json.text("initrd_path", initramfs);
    return {"PUT", "/boot-source", json.text("boot_args", arguments).done()};
}

Request machine_config(std::uint32_t vcpus, std::uint64_t memory_mib, bool track_writes)
{
    Json json;
    json.number("vcpu_count", vcpus).number("mem_size_mib", memory_mib).flag("track_dirty_pages", track_writes);
    return {"PUT", "/machine-config", json.done()};
}

Request drive(const Drive& drive)
{
    // The root is our initramfs: Firecracker adds nothing to the command line.
    Json json;
    json.text("drive_id", drive.id).text("path_on_host", drive.path).flag("is_root_device", false);
    json.flag("is_read_only", drive.read_only).text("cache_type", drive.flushes ? "Writeback" : "Unsafe");
    return {"PUT", "/drives/" + drive.id, json.done()};
}

Request network_interface(const std::string& id, const std::string& mac, const std::string& tap)
{
    Json json;
    json.text("iface_id", id).text("guest_mac", mac).text("host_dev_name", tap);
    return {"PUT", "/network-interfaces/" + id, json.done()};
}

Request vsock(const std::string& socket)
{
    Json json;
    return {"PUT", "/vsock", json.number("guest_cid", first_guest_address).text("uds_path", socket).done()};
}

Request entropy()
{
    return {"PUT", "/entropy", "{}"};
}

Request start()
{
    Json json;
    return {"PUT", "/actions", json.text("action_type", "InstanceStart").done()};
}

Request describe()
{
    return {"GET", "/", {}};
}

sdk::Result<MachineState> state_from(std::string_view body)
{
    const auto state = member(body, "state");
    if (state == "Running")
        return MachineState::running;
    if (state == "Paused")
        return MachineState::paused;
    if (state == "Not started")
        return MachineState::not_started;
    return sdk::make_error(sdk::Code::internal, "Firecracker does not say what its machine does");
}

std::optional<std::string> fault_from(std::string_view body)
{
    return member(body, "fault_message");
}

}  // namespace banger::firecracker
