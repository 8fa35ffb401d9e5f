// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/testing/fake_storage.hpp"

namespace banger::sdk::testing {

/// The freezes that FakeStorageFork providers have under way. Keep one world over a restart. Threads: any.
class FakeForkWorld {
private:
    friend class FakeStorageFork;
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, std::pair<Owner, std::string>> freezes_;  // by VM and role: the layer
};

/// storage.fork/0 for the disks of FakeStorage: the layer is a copy that commit makes while the machine stands still.
/// It keeps state and passes StorageForkContract.
class FakeStorageFork : public StorageFork {
public:
    FakeStorageFork(Host& host, std::shared_ptr<FakeForkWorld> world) : host_(host), world_(std::move(world)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        return probe;
    }

    Result<std::vector<Handle>> plan(const FreezeSpec& spec) override
    {
        return std::vector{handle_of(spec.disk.owner, spec.disk.role, {})};
    }

    Result<Attached<Freeze>> attach(const FreezeSpec& spec, Call& call) override
    {
        const std::lock_guard lock(world_->mutex_);
        auto bytes = os::read_file(FakeStorage::path_of(spec.disk.owner, spec.disk.role), most_bytes);
        if (!bytes)
            return std::move(bytes).error();
        if (world_->freezes_.contains(key_of(spec.disk.owner, spec.disk.role)))
            return make_error(Code::busy, "disk '" + spec.disk.role + "' is being frozen already");
        if (os::exists(spec.layer_path))
            return make_error(Code::exists, "there is a layer already: " + spec.layer_path);
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        world_->freezes_[key_of(spec.disk.owner, spec.disk.role)] = {spec.disk.owner, spec.layer_path};
        return Attached<Freeze>{Freeze{Layer{spec.layer_path, bytes->size(), "raw"}, {}, true},
                                handle_of(spec.disk.owner, spec.disk.role, {{"layer", spec.layer_path}})};
    }

    Result<Layer> commit(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        const auto known = world_->freezes_.find(key_of(handle.owner, handle.key));
        const auto made = handle.bound.find("layer");
        if (known == world_->freezes_.end() && (made == handle.bound.end() || !os::exists(made->second)))
            return make_error(Code::not_found, "disk '" + handle.key + "' is not being frozen");
        const std::string path = known == world_->freezes_.end() ? made->second : known->second.second;
        if (known != world_->freezes_.end()) {
            auto bytes = os::read_file(FakeStorage::path_of(handle.owner, handle.key), most_bytes);
            if (!bytes)
                return std::move(bytes).error();
            if (auto wrote = os::write_file_atomic(path, *bytes); !wrote)
                return std::move(wrote).error();
            world_->freezes_.erase(known);
        }
        auto bytes = os::read_file(path, most_bytes);
        if (!bytes)
            return std::move(bytes).error();
        return Layer{path, bytes->size(), "raw"};
    }

    Result<void> release(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        world_->freezes_.erase(key_of(handle.owner, handle.key));
        return {};
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        return Inspection{world_->freezes_.contains(key_of(handle.owner, handle.key)), {}};
    }

    Result<std::vector<Handle>> list() override
    {
        const std::lock_guard lock(world_->mutex_);
        std::vector<Handle> handles;
        for (const auto& [key, freeze] : world_->freezes_)
            if (freeze.first.instance == host_.instance())
                handles.push_back(handle_of(freeze.first, key.second, {}));
        return handles;
    }

private:
    static constexpr std::size_t most_bytes = 1U << 30U;

    static std::pair<std::string, std::string> key_of(const Owner& owner, const std::string& role)
    {
        return {owner.vm, role};
    }
    static Handle handle_of(const Owner& owner, const std::string& role, Fields bound)
    {
        return Handle{"storage.fork/0", "fake", role, owner, std::move(bound)};
    }

    Host& host_;
    std::shared_ptr<FakeForkWorld> world_;
};

}  // namespace banger::sdk::testing
