// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include <rapidjson/document.h>

#include "banger/sdk/json_text.hpp"

namespace banger::firecracker {
namespace {

// Context addresses below are reserved (vsock(7)), and each Firecracker has a space of its own.
constexpr unsigned first_guest_address = 3;

// A bucket that is filled to the brim once a second (TokenBucket).
std::string bucket(std::uint64_t size)
{
    return sdk::JsonObject().number("size", size).number("refill_time", 1000).done();
}

std::string rate_limiter(const Rate& rate)
{
    sdk::JsonObject json;
    if (rate.bytes != 0)
        json.json("bandwidth", bucket(rate.bytes));
    if (rate.operations != 0)
        json.json("ops", bucket(rate.operations));
    return json.done();
}

Request machine_state(const char* state)
{
    return {"PATCH", "/vm", sdk::JsonObject().text("state", state).done()};
}

// A string member of a JSON object; none if it is not there.
std::optional<std::string> member(std::string_view body, const char* key)
{
    rapidjson::Document document;
    // However deep it is: who answers may have been taken over by its guest.
    document.Parse<rapidjson::kParseIterativeFlag>(body.data(), body.size());
    if (document.HasParseError() || !document.IsObject() || !document.HasMember(key) || !document[key].IsString())
        return std::nullopt;
    return document[key].GetString();
}

}  // namespace

Request boot_source(const std::string& kernel, const std::string& initramfs, const std::string& arguments)
{
    sdk::JsonObject json;
    json.text("kernel_image_path", kernel);
    if (!initramfs.empty())
        json.text("initrd_path", initramfs);
    return {"PUT", "/boot-source", json.text("boot_args", arguments).done()};
}

Request machine_config(std::uint32_t vcpus, std::uint64_t memory_mib, bool track_writes)
{
    sdk::JsonObject json;
    json.number("vcpu_count", vcpus).number("mem_size_mib", memory_mib).flag("track_dirty_pages", track_writes);
    return {"PUT", "/machine-config", json.done()};
}

Request drive(const Drive& drive)
{
    // The root is our initramfs: Firecracker adds nothing to the command line.
    sdk::JsonObject json;
    json.text("drive_id", drive.id).text("path_on_host", drive.path).flag("is_root_device", false);
    json.flag("is_read_only", drive.read_only).text("cache_type", drive.flushes ? "Writeback" : "Unsafe");
    if (drive.rate.limits())
        json.json("rate_limiter", rate_limiter(drive.rate));
    return {"PUT", "/drives/" + drive.id, json.done()};
}

Request reopen_drive(const std::string& id, const std::string& path)
{
    return {"PATCH", "/drives/" + id, sdk::JsonObject().text("drive_id", id).text("path_on_host", path).done()};
}

Request limit_drive(const std::string& id, const Rate& rate)
{
    return {"PATCH", "/drives/" + id,
            sdk::JsonObject().text("drive_id", id).json("rate_limiter", rate_limiter(rate)).done()};
}

Request network_interface(const std::string& id, const std::string& mac, const std::string& tap, const Rate& rate)
{
    sdk::JsonObject json;
    json.text("iface_id", id).text("guest_mac", mac).text("host_dev_name", tap);
    if (rate.limits())
        json.json("rx_rate_limiter", rate_limiter(rate)).json("tx_rate_limiter", rate_limiter(rate));
    return {"PUT", "/network-interfaces/" + id, json.done()};
}

Request limit_network_interface(const std::string& id, const Rate& rate)
{
    sdk::JsonObject json;
    json.text("iface_id", id).json("rx_rate_limiter", rate_limiter(rate)).json("tx_rate_limiter", rate_limiter(rate));
    return {"PATCH", "/network-interfaces/" + id, json.done()};
}

Request vsock(const std::string& socket)
{
    sdk::JsonObject json;
    return {"PUT", "/vsock", json.number("guest_cid", first_guest_address).text("uds_path", socket).done()};
}

Request entropy()
{
    return {"PUT", "/entropy", "{}"};
}

Request balloon(bool reports)
{
    sdk::JsonObject json;
    json.number("amount_mib", 0).flag("deflate_on_oom", true);
    if (reports)
        json.flag("free_page_reporting", true);
    return {"PUT", "/balloon", json.done()};
}

Request start()
{
    sdk::JsonObject json;
    return {"PUT", "/actions", json.text("action_type", "InstanceStart").done()};
}

Request pause()
{
    return machine_state("Paused");
}

Request resume()
{
    return machine_state("Resumed");
}

Request create_snapshot(const std::string& devices, const std::string& memory, bool difference)
{
    sdk::JsonObject json;
    json.text("snapshot_type", difference ? "Diff" : "Full").text("snapshot_path", devices).text("mem_file_path", memory);
    return {"PUT", "/snapshot/create", json.done()};
}

Request reset_channel()
{
    return create_snapshot(".", ".", false);  // a directory
}

Request load_snapshot(const Load& load)
{
    sdk::JsonObject json;
    json.text("snapshot_path", load.devices);
    json.json("mem_backend", sdk::JsonObject().text("backend_type", "File").text("backend_path", load.memory).done());
    json.flag(load.before_1_13 ? "enable_diff_snapshots" : "track_dirty_pages", load.track_writes);
    std::string taps;
    for (const auto& tap : load.taps)
        taps += (taps.empty() ? "" : ",") +
                sdk::JsonObject().text("iface_id", tap.id).text("host_dev_name", tap.name).done();
    if (!taps.empty())
        json.json("network_overrides", "[" + taps + "]");
    return {"PUT", "/snapshot/load", json.flag("resume_vm", false).done()};
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

std::optional<std::string> vmm_version_from(std::string_view body)
{
    return member(body, "vmm_version");
}

std::optional<std::string> fault_from(std::string_view body)
{
    return member(body, "fault_message");
}

}  // namespace banger::firecracker
