// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "dm_storage.hpp"

#include <chrono>

#include "attachment.hpp"
#include "banger/sdk/disk_check.hpp"
#include "banger/sdk/os/file.hpp"
#include "cow_file.hpp"
#include "device.hpp"
#include "disk_files.hpp"
#include "layer_chain.hpp"
#include "layer_devices.hpp"
#include "names.hpp"
#include "room.hpp"
#include "trial.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::chrono::seconds patience_with_writers{3};  // with whoever is just closing what a disk writes to

Result<void> check(const sdk::DiskSpec& spec)
{
    if (spec.format != disk_word)
        return make_error(Code::unsupported, "storage 'dm' makes no disks of format '" + spec.format + "'");
    if (auto legal = sdk::check_covers_layer(spec); !legal)
        return legal;
    auto chain = chain_of(spec.layer);
    if (!chain)
        return std::move(chain).error();
    if (auto right = sdk::check_layer_length(spec, chain->front()); !right)
        return right;
    if (spec.layer.bytes % sector_bytes != 0)
        return make_error(Code::corrupt, "the layer " + spec.layer.path + " does not end with a sector",
                          "delete the image and pull it again");
    return {};
}

// What was noted in a top is worth only what lies under it.
Result<std::vector<sdk::Layer>> chain_under(const DiskFiles::Top& top, const sdk::DiskSpec& spec)
{
    if (auto same = check_mark(top.note.layer, top.note.layer_mark); !same)
        return std::move(same).error();
    auto chain = chain_of(top.note.layer);
    if (chain)
        if (auto right = sdk::check_stands_on(*chain, spec); !right)
            return std::move(right).error();
    return chain;
}

// The kernel gave the disk up when it could not write any more. There is room again, or attach would have been refused.
Result<void> take_up_again(const DiskFiles::Top& top, const std::string& role, sdk::Call& call)
{
    auto valid = cow::validity_of(top.cow);
    if (!valid)
        return std::move(valid).error();
    if (*valid == cow::Validity::valid)
        return {};
    if (auto unused = sdk::check_unused(top.cow, role, patience_with_writers); !unused)
        return unused;
    call.warn("disk '" + role + "' could not be written to any more when the VM ran, as when the host's disk is full; it is "
              "taken up again as after a power cut");
    return cow::make_valid(top.cow);
}

class DmStorage final : public sdk::Storage {
public:
    DmStorage(sdk::Host& host, Config config) : host_(host), config_(config) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        auto probe = probe_by_trial(host_, "disks are device-mapper snapshots of the image");
        probe.offers = {std::string(disk_word)};
        probe.facts = {{"reserve_bytes", std::to_string(config_.reserve_bytes)}};
        return probe;
    }

    Result<void> create(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        auto files = DiskFiles::of(spec.owner, spec.role);
        if (!files)
            return std::move(files).error();
        if (auto checked = check(spec); !checked)
            return checked;
        const auto tops = files->tops().list();
        if (!tops)
            return tops.error();
        if (!tops->empty())
            return make_error(Code::exists, "disk '" + spec.role + "' is there already: " + tops->back().path);
        if (auto room = check_room(spec.owner.directory, config_.reserve_bytes); !room)
            return room;
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto made = files->make(files->tops().first(), spec.bytes, spec.layer);
        if (!made)
            (void)files->remove();
        return made;
    }

    Result<std::vector<sdk::Handle>> plan(const sdk::DiskSpec& spec) override
    {
        if (auto files = DiskFiles::of(spec.owner, spec.role); !files)
            return std::move(files).error();
        return std::vector{handle_of(spec.owner, spec.role, {})};
    }

    Result<sdk::Attached<sdk::Disk>> attach(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        auto attached = attach_files(spec, call);
        if (!attached)
            return std::move(attached).error().while_doing("attach disk '" + spec.role + "'");
        return attached;
    }

    Result<void> release(const sdk::Handle& handle) override
    {
        return Attachment(host_, handle.owner, handle.key).release();
    }

    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        const std::string name = disk_name(host_.instance(), handle.owner.vm, handle.key);
        auto state = device::own_state_of(name);
        if (!state && state.error().code != Code::exists)
            return std::move(state).error();
        sdk::Inspection inspection{state && *state, {}};
        if (inspection.present) {
            inspection.facts = parts_of(name);
            if (device::health_of(name).value_or(SnapshotHealth::unknown) == SnapshotHealth::failed)
                inspection.facts["failed"] = "true";
        }
        if (const auto top = files->open()) {
            inspection.facts.merge(sdk::size_facts(top->cow));
            inspection.facts["data"] = top->cow;
            inspection.facts["bytes"] = std::to_string(top->note.bytes);
            inspection.facts["layer"] = top->note.layer.path;
        }
        return inspection;
    }

    Result<std::vector<sdk::Handle>> list() override
    {
        auto names = device::list("banger-" + host_.instance() + "-");
        if (!names)
            return std::move(names).error();
        std::vector<sdk::Handle> handles;
        for (const auto& name : *names) {
            const auto disk = parse_disk_name(host_.instance(), name);
            if (!disk)
                continue;
            const auto ours = device::own_state_of(name);
            if (!ours || !*ours)
                continue;
            const sdk::Owner owner{host_.instance(), disk->vm, host_.vms_directory() + "/" + disk->vm};
            handles.push_back(handle_of(owner, disk->role, parts_of(name)));
        }
        return handles;
    }

    Result<void> destroy(const sdk::Owner& owner, const std::string& role) override
    {
        auto files = DiskFiles::of(owner, role);
        if (!files)
            return std::move(files).error();
        if (os::exists(files->freeze()))
            return make_error(Code::busy, "disk '" + role + "' is being frozen");
        auto attached = device::state_of(disk_name(host_.instance(), owner.vm, role));
        if (!attached)
            return std::move(attached).error();
        if (*attached)
            return make_error(Code::busy, "disk '" + role + "' is attached", "stop the VM first");
        const auto tops = files->tops().list();
        if (!tops && tops.error().code != Code::not_found)
            return tops.error();
        if (tops)
            for (const auto& top : *tops)
                if (auto unused = sdk::check_unused(top.path, role, patience_with_writers); !unused)
                    return unused;
        return files->remove();
    }

private:
    static sdk::Handle handle_of(const sdk::Owner& owner, const std::string& role, sdk::Fields bound)
    {
        return {"storage/0", "dm", role, owner, std::move(bound)};
    }

    Result<sdk::Attached<sdk::Disk>> attach_files(const sdk::DiskSpec& spec, sdk::Call& call)
    {
        auto files = DiskFiles::of(spec.owner, spec.role);
        if (!files)
            return std::move(files).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto top = files->open();
        if (!top)
            return std::move(top).error();
        auto chain = chain_under(*top, spec);
        if (!chain)
            return std::move(chain).error();
        if (auto room = check_room(spec.owner.directory, config_.reserve_bytes); !room)
            return std::move(room).error();
        const Attachment attachment(host_, spec.owner, spec.role);
        if (auto gone = attachment.make_way(); !gone)  // what a start left that nobody knew of
            return std::move(gone).error();
        if (auto taken = take_up_again(*top, spec.role, call); !taken)
            return std::move(taken).error();
        if (auto grown = grow(*top, spec); !grown)
            return std::move(grown).error();
        if (auto made = attachment.make(*top, *chain); !made)
            return std::move(made).error();
        const std::string& name = attachment.name();
        sdk::Disk disk{spec.role, device::node_of(name), "raw", false, top->note.bytes, chain->front()};
        return sdk::Attached<sdk::Disk>{std::move(disk), handle_of(spec.owner, spec.role, parts_of(name))};
    }

    static Result<void> grow(DiskFiles::Top& top, const sdk::DiskSpec& spec)
    {
        if (top.note.bytes >= spec.bytes)
            return {};
        if (auto legal = sdk::check_length(spec); !legal)
            return legal;
        if (auto unused = sdk::check_unused(top.cow, spec.role, patience_with_writers); !unused)
            return unused;
        return DiskFiles::grow(top, spec.bytes);
    }

    sdk::Host& host_;
    Config config_;
};

}  // namespace

std::unique_ptr<sdk::Storage> make_storage(sdk::Host& host, Config config)
{
    return std::make_unique<DmStorage>(host, config);
}

}  // namespace banger::dm
