// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/fake_storage.hpp"

namespace banger::sdk::testing {

/// storage.fork/0 for the disks of FakeStorage: the layer is a copy that commit makes while the machine stands still.
/// A freeze under way is a file beside the disk, `<role>.fake-freeze`. It passes StorageForkContract.
class FakeStorageFork : public StorageFork {
public:
    explicit FakeStorageFork(Host& host) : host_(host) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        return probe;
    }

    Result<std::vector<Handle>> plan(const FreezeSpec& spec) override
    {
        return std::vector{handle_of(spec.disk.owner, spec.disk.role)};
    }

    Result<Attached<Freeze>> attach(const FreezeSpec& spec, Call& call) override
    {
        const Handle handle = handle_of(spec.disk.owner, spec.disk.role);
        auto bytes = os::read_file(FakeStorage::path_of(spec.disk.owner, spec.disk.role), most_bytes);
        if (!bytes)
            return std::move(bytes).error();
        if (layer_of(handle))
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        if (auto noted = os::write_file_atomic(note_of(handle), spec.layer_path); !noted)
            return std::move(noted).error();
        return Attached<Freeze>{Freeze{Layer{spec.layer_path, bytes->size(), "raw"}, {}}, handle};
    }

    Result<Layer> commit(const Handle& handle) override
    {
        const auto path = layer_of(handle);
        if (!path)
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        const bool is_there = os::exists(*path);
        auto bytes = os::read_file(is_there ? *path : FakeStorage::path_of(handle.owner, handle.key), most_bytes);
        if (!bytes)
            return std::move(bytes).error();
        if (!is_there)
            if (auto wrote = os::write_file_atomic(*path, *bytes, 0444); !wrote)
                return std::move(wrote).error();
        return Layer{*path, bytes->size(), "raw"};
    }

    Result<void> release(const Handle& handle) override
    {
        if (const auto path = layer_of(handle))
            if (auto removed = os::remove_file(*path + ".new"); !removed)
                return removed;
        return os::remove_file(note_of(handle));
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const auto path = layer_of(handle);
        if (!path)
            return Inspection{};
        return Inspection{true, {{"layer", *path}, {"frozen", os::exists(*path) ? "yes" : "no"}}};
    }

    Result<std::vector<Handle>> list() override
    {
        std::vector<Handle> handles;
        constexpr std::string_view end = ".fake-freeze";
        for (const auto& vm : os::list_directory(host_.vms_directory()).value_or({})) {
            const Owner owner{host_.instance(), vm, host_.vms_directory() + "/" + vm};
            for (const auto& name : os::list_directory(owner.directory).value_or({}))
                if (name.ends_with(end))
                    handles.push_back(handle_of(owner, name.substr(0, name.size() - end.size())));
        }
        return handles;
    }

    Result<void> destroy(const Layer& layer) override { return os::remove_file(layer.path); }

private:
    static constexpr std::size_t most_bytes = 1U << 30U;

    static std::string note_of(const Handle& handle)
    {
        return handle.owner.directory + "/" + handle.key + ".fake-freeze";
    }
    static std::optional<std::string> layer_of(const Handle& handle)
    {
        const auto note = os::read_file(note_of(handle));
        return note ? std::optional(*note) : std::nullopt;
    }
    static Handle handle_of(const Owner& owner, const std::string& role)
    {
        return Handle{"storage.fork/0", "fake", role, owner, {}};
    }

    Host& host_;
};

}  // namespace banger::sdk::testing
