// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/testing/fake_layers.hpp"

namespace banger::sdk::testing {

/// storage/0 whose disks stand on their layers, in the two ways that a machine may meet one. All that it knows is in
/// files. It passes StorageContract.
class FakeLayeredStorage : public Storage {
public:
    FakeLayeredStorage(Host& host, FakeTop kind) : host_(host), kind_(kind) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.offers = {"disk:fake"};
        return probe;
    }

    Result<void> create(const DiskSpec& spec, Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return checked;
        const FakeLayers files(spec.owner, spec.role);
        if (files.newest())
            return make_error(Code::exists, "disk '" + spec.role + "' is there already");
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        return FakeOverlay::make(files.top(0), spec.bytes, spec.layer);
    }

    Result<std::vector<Handle>> plan(const DiskSpec& spec) override
    {
        if (kind_ == FakeTop::file)
            return std::vector<Handle>{};
        return std::vector{handle_of(spec.owner, spec.role)};
    }

    Result<Attached<Disk>> attach(const DiskSpec& spec, Call& call) override
    {
        const FakeLayers files(spec.owner, spec.role);
        const auto newest = files.newest();
        if (!newest)
            return make_error(Code::not_found, "disk '" + spec.role + "' was never made");
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::string top = files.top(*newest);
        auto overlay = FakeOverlay::open(top);
        if (!overlay)
            return std::move(overlay).error();
        auto layer = layer_under(*overlay, spec);
        if (!layer)
            return std::move(layer).error();
        if (auto long_enough = grow(top, overlay->bytes(), spec); !long_enough)
            return std::move(long_enough).error();
        Disk disk{spec.role, top, "fake", false, std::max(overlay->bytes(), spec.bytes), *layer};
        if (kind_ == FakeTop::device) {
            if (auto made = files.set_device(top); !made)
                return std::move(made).error();
            if (auto settled = FakeLayerDevices(host_).settle(); !settled)
                return std::move(settled).error();
            disk.path = files.device();
        }
        return Attached<Disk>{std::move(disk), handle_of(spec.owner, spec.role)};
    }

    Result<void> release(const Handle& handle) override
    {
        if (kind_ == FakeTop::file)
            return {};
        if (auto removed = os::remove_file(FakeLayers(handle.owner, handle.key).device()); !removed)
            return removed;
        return FakeLayerDevices(host_).settle();
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const FakeLayers files(handle.owner, handle.key);
        Inspection inspection{os::exists(files.device()), {}};
        if (const auto newest = files.newest()) {
            struct stat status {};
            const auto overlay = FakeOverlay::open(files.top(*newest));
            if (overlay && ::stat(files.top(*newest).c_str(), &status) == 0)
                inspection.facts = {{"bytes", std::to_string(overlay->bytes())},
                                    {"allocated_bytes", std::to_string(overlay->own_bytes())},
                                    {"apparent_bytes", std::to_string(status.st_size)},
                                    {"layer", overlay->below().path}};
        }
        return inspection;
    }

    Result<std::vector<Handle>> list() override
    {
        std::vector<Handle> handles;
        constexpr std::string_view end = ".device";
        for (const auto& vm : os::list_directory(host_.vms_directory()).value_or({})) {
            const Owner owner{host_.instance(), vm, host_.vms_directory() + "/" + vm};
            for (const auto& name : os::list_directory(owner.directory).value_or({}))
                if (name.ends_with(end))
                    handles.push_back(handle_of(owner, name.substr(0, name.size() - end.size())));
        }
        return handles;
    }

    Result<void> destroy(const Owner& owner, const std::string& role) override
    {
        const FakeLayers files(owner, role);
        if (os::exists(files.device()) || os::exists(files.note()))
            return make_error(Code::busy, "disk '" + role + "' is attached or being frozen");
        for (auto newest = files.newest(); newest; newest = files.newest()) {
            auto written = os::is_written(files.top(*newest));
            if (!written)
                return std::move(written).error();
            if (*written)
                return make_error(Code::busy, "disk '" + role + "' is in use");
            if (auto removed = os::remove_file(files.top(*newest)); !removed)
                return removed;
        }
        return {};
    }

private:
    static Handle handle_of(const Owner& owner, const std::string& role)
    {
        return Handle{"storage/0", "fake", role, owner, {}};
    }

    static Result<void> check(const DiskSpec& spec)
    {
        if (spec.format != "disk:fake")
            return make_error(Code::unsupported, "the fake storage makes no disks of format '" + spec.format + "'");
        if (spec.bytes == 0 || spec.bytes % 4096 != 0 || spec.bytes < spec.layer.bytes)
            return make_error(Code::invalid, "disk '" + spec.role + "' cannot be that small or uneven");
        auto chain = FakeLayers::chain_of(spec.layer);
        if (!chain)
            return std::move(chain).error();
        if (chain->front().bytes != spec.layer.bytes)
            return make_error(Code::corrupt, "the layer " + spec.layer.path + " has another size");
        if (chain->size() > FakeLayers::most_layers)
            return make_error(Code::precondition, "the layer " + spec.layer.path + " stands on too many others");
        return {};
    }

    static Result<Layer> layer_under(const FakeOverlay& overlay, const DiskSpec& spec)
    {
        auto chain = FakeLayers::chain_of(overlay.below());
        if (!chain)
            return std::move(chain).error();
        for (const auto& layer : *chain)
            if (layer.path == spec.layer.path && layer.bytes == spec.layer.bytes)
                return chain->front();
        return make_error(Code::corrupt, "disk '" + spec.role + "' does not stand on " + spec.layer.path);
    }

    static Result<void> grow(const std::string& top, std::uint64_t bytes, const DiskSpec& spec)
    {
        if (bytes >= spec.bytes)
            return {};
        if (spec.bytes % 4096 != 0)
            return make_error(Code::invalid, "disk '" + spec.role + "' cannot be that uneven");
        return FakeOverlay::grow(top, spec.bytes);
    }

    Host& host_;
    FakeTop kind_;
};

}  // namespace banger::sdk::testing
