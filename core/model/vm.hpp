// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/network.hpp"
#include "core/model/json.hpp"

namespace banger::model {

/// What a VM should be. What it *is* is asked of the operating system (see lifecycle/liveness.hpp).
enum class Desired {
    creating,  ///< its first verb has not finished; if nobody works on it, it is to vanish
    stopped,
    starting,  ///< on its way up from stopped; if nobody works on it, it is to be stopped, and may be cut
    running,
    deleted,   ///< being deleted; if nobody works on it, deletion goes on
};

/// When banger deletes a VM by itself.
enum class Removal {
    never,
    with_session,  ///< when the client that ran it is gone
    when_stopped,  ///< when its VMM ended
};

/// Which init runs in the guest.
enum class Init { automatic, image, banger };

/// Whether a guest's ports appear on this host, where its network gives the host no other way to them.
enum class Publish { automatic, none };

/// When a boot counts as done.
enum class Ready { agent, system };

/// What is asked for. An absent value gets its default from config, host or built-in, in that order.
struct VmSpec {
    std::string name;   ///< empty: one is generated
    std::string image;  ///< empty: the default image
    std::string kernel; ///< empty: the image's
    std::optional<std::uint64_t> vcpus;
    std::optional<std::uint64_t> memory_mib;
    std::optional<std::uint64_t> disk_bytes;
    std::map<std::string, std::string> environment;  ///< of commands in the guest
    std::optional<sdk::Egress> egress;
    std::optional<Init> init;
    std::optional<Ready> ready;
    std::optional<Publish> publish;
    Removal removal = Removal::never;
    std::string vmm;      ///< provider names; empty: by config, else automatic
    std::string storage;
    std::string network;
};

/// What a VM is: the durable row, and its copy beside the disks. Holds no pid, device or other handle.
struct VmRecord {
    std::string id;    ///< 12 lower-case hex digits
    std::string name;
    Desired desired = Desired::creating;
    std::string image;       ///< reference as the catalogue names it
    std::string image_id;    ///< the imported image it stands on
    std::string kernel;
    std::string kernel_id;
    std::uint64_t vcpus = 0;
    std::uint64_t memory_mib = 0;
    std::uint64_t disk_bytes = 0;
    std::map<std::string, std::string> environment;
    sdk::Egress egress = sdk::Egress::internet;
    Init init = Init::automatic;
    Ready ready = Ready::system;
    Publish publish = Publish::automatic;
    Removal removal = Removal::never;
    std::string vmm;           ///< provider names, as picked
    std::string storage;
    std::string network;
    std::string disk_format;   ///< the words they agreed on, such as disk:qcow2
    std::string attachment;
    std::string machine_id;    ///< 32 hex digits (machine-id(5))
    std::string agent_token;   ///< 64 hex digits; secret between host and guest
    std::int64_t created = 0;  ///< Unix time, seconds
    bool provisioned = false;  ///< its provisioners ran, at the end of its first start
    std::int64_t started = 0;  ///< when it was started last; 0: never
};

std::string_view to_string(Desired desired);
std::string_view to_string(Removal removal);
std::string_view to_string(Init init);
std::string_view to_string(Ready ready);
std::string_view to_string(Publish publish);
std::optional<Desired> desired_from_string(std::string_view text);
std::optional<Removal> removal_from_string(std::string_view text);
std::optional<Init> init_from_string(std::string_view text);
std::optional<Ready> ready_from_string(std::string_view text);
std::optional<Publish> publish_from_string(std::string_view text);

/// JSON of a spec, as `vm.create` carries it. Reading refuses wrong words (`invalid`).
json::Object to_json(const VmSpec& spec);
sdk::Result<VmSpec> spec_from_json(const json::Value& value);
/// Every member that a spec may have.
const std::vector<std::string>& spec_members();

/// JSON of a record, for the store and its copies. Reading anything incomplete is `corrupt`.
json::Object to_json(const VmRecord& record);
sdk::Result<VmRecord> record_from_json(const json::Value& value);

}  // namespace banger::model
