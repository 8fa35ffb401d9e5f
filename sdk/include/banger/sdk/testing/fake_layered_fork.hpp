// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/fake_layers.hpp"

namespace banger::sdk::testing {

/// storage.fork/0 for the disks of FakeLayeredStorage. The layer is the old top by a second name (link(2)); the new top
/// is there since attach, and either the machine moves to it or commit puts it under the device. It passes
/// StorageForkContract.
class FakeLayeredFork : public StorageFork {
public:
    FakeLayeredFork(Host& host, FakeTop kind) : host_(host), kind_(kind) {}

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
        const FakeLayers files(spec.disk.owner, spec.disk.role);
        if (!files.newest())
            return make_error(Code::not_found, "disk '" + spec.disk.role + "' was never made");
        if (os::exists(files.note()))
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto freeze = begin(files, spec);
        if (!freeze) {
            (void)undo({files, spec.layer_path, false});
            return std::move(freeze).error();
        }
        return Attached<Freeze>{std::move(*freeze), handle_of(spec.disk.owner, spec.disk.role)};
    }

    Result<Layer> commit(const Handle& handle) override
    {
        auto under_way = find(handle);
        if (!under_way)
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        if (!under_way->frozen) {
            if (!has_top(*under_way))
                return make_error(Code::precondition, "disk '" + handle.key + "' has no new top yet");
            if (auto moved = move(*under_way); !moved)
                return std::move(moved).error();
            if (::chmod(under_way->layer_path.c_str(), 0444) != 0)
                return os_error("make " + under_way->layer_path + " read-only");
            if (auto noted = os::write_file_atomic(under_way->files.note(), "frozen\n" + under_way->layer_path); !noted)
                return std::move(noted).error();
        }
        auto chain = FakeLayers::chain_of({under_way->layer_path, 0, "fake"});
        if (!chain)
            return std::move(chain).error();
        return chain->front();
    }

    Result<void> release(const Handle& handle) override
    {
        auto under_way = find(handle);
        if (!under_way)
            return {};
        auto frozen = is_frozen(*under_way);
        if (!frozen)
            return std::move(frozen).error();
        if (*frozen) {
            if (auto layer = commit(handle); !layer)
                return std::move(layer).error();
            return os::remove_file(under_way->files.note());
        }
        return undo(*under_way);
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const auto under_way = find(handle);
        if (!under_way)
            return Inspection{};
        auto frozen = is_frozen(*under_way);
        if (!frozen)
            return std::move(frozen).error();
        return Inspection{true, {{"layer", under_way->layer_path}, {"frozen", *frozen ? "yes" : "no"}}};
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
    struct UnderWay {
        FakeLayers files;
        std::string layer_path;
        bool frozen = false;
    };

    static Handle handle_of(const Owner& owner, const std::string& role)
    {
        return Handle{"storage.fork/0", "fake", role, owner, {}};
    }

    static std::optional<UnderWay> find(const Handle& handle)
    {
        const FakeLayers files(handle.owner, handle.key);
        const auto note = os::read_file(files.note());
        if (!note)
            return std::nullopt;
        const auto line = note->find('\n');
        return UnderWay{files, note->substr(line + 1), note->substr(0, line) == "frozen"};
    }

    Result<Freeze> begin(const FakeLayers& files, const FreezeSpec& spec)
    {
        const std::string old = files.top(*files.newest());
        auto chain = FakeLayers::chain_of({old, 0, "fake"});
        if (!chain)
            return std::move(chain).error();
        if (chain->size() > FakeLayers::most_layers)
            return make_error(Code::precondition, "disk '" + spec.disk.role + "' stands on too many layers");
        const Layer layer{spec.layer_path, chain->front().bytes, "fake"};
        if (auto noted = os::write_file_atomic(files.note(), "begun\n" + layer.path); !noted)
            return std::move(noted).error();
        if (::link(old.c_str(), layer.path.c_str()) != 0)
            return os_error("name " + layer.path);
        const std::string top = files.top(*files.newest() + 1);
        if (auto made = FakeOverlay::make(top, layer.bytes, layer); !made)
            return std::move(made).error();
        Freeze freeze{layer, std::nullopt};
        if (kind_ == FakeTop::file)
            freeze.top = Disk{spec.disk.role, top, "fake", false, layer.bytes, layer};
        return freeze;
    }

    static Result<void> undo(const UnderWay& under_way)
    {
        const auto& files = under_way.files;
        if (has_top(under_way))
            if (auto removed = os::remove_file(files.top(*files.newest())); !removed)
                return removed;
        struct stat top {};
        struct stat layer {};
        const bool ours = ::stat(files.top(files.newest().value_or(0)).c_str(), &top) == 0 &&
                          ::stat(under_way.layer_path.c_str(), &layer) == 0 && top.st_ino == layer.st_ino;
        if (ours)
            if (auto removed = os::remove_file(under_way.layer_path); !removed)
                return removed;
        return os::remove_file(files.note());
    }

    static bool has_top(const UnderWay& under_way)
    {
        const auto top = FakeOverlay::open(under_way.files.top(under_way.files.newest().value_or(0)));
        return top && top->below().path == under_way.layer_path;
    }

    // The instant.
    Result<void> move(const UnderWay& under_way)
    {
        if (kind_ == FakeTop::device) {
            // Nobody has the device open when the disk is not attached: then the newest top is the right one.
            if (os::exists(under_way.files.device()))
                if (auto set = under_way.files.set_device(under_way.files.top(*under_way.files.newest())); !set)
                    return set;
            return FakeLayerDevices(host_).settle();
        }
        auto written = os::is_written(under_way.layer_path);
        if (!written)
            return std::move(written).error();
        if (*written)
            return make_error(Code::precondition, under_way.layer_path + " is still written to");
        return {};
    }

    [[nodiscard]] Result<bool> is_frozen(const UnderWay& under_way) const
    {
        if (under_way.frozen || !has_top(under_way))
            return under_way.frozen;
        const auto& files = under_way.files;
        if (kind_ == FakeTop::device)
            return !os::exists(files.device()) || files.under_device() == files.top(*files.newest());
        auto written = os::is_written(under_way.layer_path);
        if (!written)
            return std::move(written).error();
        return !*written;
    }

    Host& host_;
    FakeTop kind_;
};

}  // namespace banger::sdk::testing
