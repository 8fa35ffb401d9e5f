// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "dm_fork.hpp"

#include "banger/sdk/freeze_note.hpp"
#include "banger/sdk/os/file.hpp"
#include "device.hpp"
#include "freeze.hpp"
#include "names.hpp"
#include "room.hpp"
#include "trial.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

class DmFork final : public sdk::StorageFork {
public:
    DmFork(sdk::Host& host, Config config) : host_(host), config_(config) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        const auto tried = try_snapshot(host_);
        probe.usable = tried.has_value();
        probe.reason = tried ? "what a snapshot wrote becomes the layer" : tried.error().message;
        if (!tried)
            probe.hint = tried.error().hint;
        return probe;
    }

    Result<std::vector<sdk::Handle>> plan(const sdk::FreezeSpec& spec) override
    {
        if (auto files = DiskFiles::of(spec.disk.owner, spec.disk.role); !files)
            return std::move(files).error();
        return std::vector{handle_of(spec.disk.owner, spec.disk.role, {})};
    }

    Result<sdk::Attached<sdk::Freeze>> attach(const sdk::FreezeSpec& spec, sdk::Call& call) override
    {
        auto files = DiskFiles::of(spec.disk.owner, spec.disk.role);
        if (!files)
            return std::move(files).error();
        if (auto named = check_path(spec.layer_path); !named)
            return std::move(named).error();
        if (os::exists(files->freeze()))
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path) || os::exists(note_path(spec.layer_path)))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (auto room = check_room(spec.disk.owner.directory, config_.reserve_bytes); !room)
            return std::move(room).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto begun = FreezeUnderWay::begin(host_, *files, spec, call);
        if (!begun)
            return std::move(begun).error().while_doing("freeze disk '" + spec.disk.role + "'");
        return sdk::Attached<sdk::Freeze>{std::move(*begun),
                                          handle_of(spec.disk.owner, spec.disk.role, {{"layer", spec.layer_path}})};
    }

    Result<sdk::Layer> commit(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        if (!*freeze)
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        return (*freeze)->commit();
    }

    Result<void> release(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        return *freeze ? (*freeze)->release() : Result<void>();
    }

    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        auto freeze = find(handle);
        if (!freeze)
            return std::move(freeze).error();
        if (!*freeze)
            return sdk::Inspection{};
        auto frozen = (*freeze)->is_frozen();
        if (!frozen)
            return std::move(frozen).error();
        return sdk::Inspection{true, {{"layer", (*freeze)->layer_path()}, {"frozen", *frozen ? "yes" : "no"}}};
    }

    Result<std::vector<sdk::Handle>> list() override
    {
        const auto notes = sdk::find_freeze_notes(host_.vms_directory(), ".dm-freeze");
        if (!notes)
            return notes.error();
        std::vector<sdk::Handle> handles;
        for (const auto& [vm, role] : *notes)
            handles.push_back(handle_of({host_.instance(), vm, host_.vms_directory() + "/" + vm}, role, {}));
        return handles;
    }

    Result<void> destroy(const sdk::Layer& layer) override
    {
        if (auto named = check_path(layer.path); !named)
            return named;
        if (auto facts = facts_of(layer.path)) {
            auto device = device::state_of(layer_name(host_.instance(), facts->id));
            if (!device || *device)
                return device ? make_error(Code::busy, "disks that are attached stand on " + layer.path)
                              : std::move(device).error();
        }
        for (const std::string& path : {layer.path, note_path(layer.path)})
            if (auto removed = os::remove_file(path); !removed)
                return removed;
        return {};
    }

private:
    static Result<void> check_path(const std::string& path)
    {
        if (!path.starts_with('/') || path.ends_with(".new"))
            return make_error(Code::invalid, "'" + path + "' cannot be the path of a layer",
                              "it must be absolute, and not end as half-made files do");
        return {};
    }

    Result<std::optional<FreezeUnderWay>> find(const sdk::Handle& handle)
    {
        auto files = DiskFiles::of(handle.owner, handle.key);
        if (!files)
            return std::move(files).error();
        return FreezeUnderWay::find(host_, *files, handle.owner);
    }

    static sdk::Handle handle_of(const sdk::Owner& owner, const std::string& role, sdk::Fields bound)
    {
        return {"storage.fork/0", "dm", role, owner, std::move(bound)};
    }

    sdk::Host& host_;
    Config config_;
};

}  // namespace

std::unique_ptr<sdk::StorageFork> make_storage_fork(sdk::Host& host, Config config)
{
    return std::make_unique<DmFork>(host, config);
}

}  // namespace banger::dm
