// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage.hpp"

namespace banger::sdk::testing {

/// The attachments that FakeStorage providers have made. Like kernel objects they outlive each provider: keep one world
/// over a restart. Threads: any.
class FakeStorageWorld {
public:
    /// The next attach fails with this error.
    void fail_next_attach(Error error)
    {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(error);
    }

    /// How many disks are attached now.
    std::size_t attached()
    {
        const std::lock_guard lock(mutex_);
        return attachments_.size();
    }

private:
    friend class FakeStorage;
    std::mutex mutex_;
    std::map<std::pair<std::string, std::string>, Owner> attachments_;  // by VM and role
    std::optional<Error> failure_;
};

/// storage/0 with attachments that exist in memory only, over raw files `<role>.fake-disk` that copy what the layer
/// holds. It keeps state and passes StorageContract.
class FakeStorage : public Storage {
public:
    FakeStorage(Host& host, std::shared_ptr<FakeStorageWorld> world) : host_(host), world_(std::move(world)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.offers = {"disk:raw"};
        return probe;
    }

    Result<void> create(const DiskSpec& spec, Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return checked;
        const std::string path = path_of(spec.owner, spec.role);
        if (os::exists(path))
            return make_error(Code::exists, "disk '" + spec.role + "' is there already");
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        auto copied = copy(spec.layer.path, path, spec.bytes);
        if (!copied)
            (void)os::remove_file(path);
        return copied;
    }

    Result<std::vector<Handle>> plan(const DiskSpec& spec) override
    {
        return std::vector{handle_of(spec.owner, spec.role, {})};
    }

    Result<Attached<Disk>> attach(const DiskSpec& spec, Call& call) override
    {
        const std::string path = path_of(spec.owner, spec.role);
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0)
            return make_error(Code::not_found, "disk '" + spec.role + "' was never made");
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::lock_guard lock(world_->mutex_);
        if (world_->failure_)
            return *std::exchange(world_->failure_, std::nullopt);
        const auto bytes = std::max(static_cast<std::uint64_t>(status.st_size), spec.bytes);
        if (bytes > static_cast<std::uint64_t>(status.st_size)) {
            if (world_->attachments_.contains({spec.owner.vm, spec.role}))
                return make_error(Code::busy, "disk '" + spec.role + "' cannot grow while it is attached");
            if (bytes % 4096 != 0)
                return make_error(Code::invalid, "disk '" + spec.role + "' cannot be that uneven");
            if (::truncate(path.c_str(), static_cast<off_t>(bytes)) != 0)
                return os_error("grow " + path);
        }
        world_->attachments_[{spec.owner.vm, spec.role}] = spec.owner;
        return Attached<Disk>{Disk{spec.role, path, "raw", false, bytes},
                              handle_of(spec.owner, spec.role, {{"path", path}})};
    }

    Result<void> release(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        world_->attachments_.erase({handle.owner.vm, handle.key});
        return {};
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        Inspection inspection{world_->attachments_.contains({handle.owner.vm, handle.key}), {}};
        struct stat status {};
        if (::stat(path_of(handle.owner, handle.key).c_str(), &status) == 0)
            inspection.facts = {{"bytes", std::to_string(status.st_size)},
                                {"allocated_bytes", std::to_string(status.st_blocks * 512)},
                                {"apparent_bytes", std::to_string(status.st_size)}};
        return inspection;
    }

    Result<std::vector<Handle>> list() override
    {
        const std::lock_guard lock(world_->mutex_);
        std::vector<Handle> handles;
        for (const auto& [name, owner] : world_->attachments_)
            if (owner.instance == host_.instance())
                handles.push_back(handle_of(owner, name.second, {}));
        return handles;
    }

    Result<void> destroy(const Owner& owner, const std::string& role) override
    {
        const std::lock_guard lock(world_->mutex_);
        if (world_->attachments_.contains({owner.vm, role}))
            return make_error(Code::busy, "disk '" + role + "' is attached");
        if (os::exists(owner.directory + "/" + role + ".fake-freeze"))
            return make_error(Code::busy, "disk '" + role + "' is being frozen");
        return os::remove_file(path_of(owner, role));
    }

    static std::string path_of(const Owner& owner, const std::string& role)
    {
        return owner.directory + "/" + role + ".fake-disk";
    }

private:
    static Handle handle_of(const Owner& owner, const std::string& role, Fields bound)
    {
        return Handle{"storage/0", "fake", role, owner, std::move(bound)};
    }

    static Result<void> check(const DiskSpec& spec)
    {
        if (spec.format != "disk:raw")
            return make_error(Code::unsupported, "the fake storage makes no disks of format '" + spec.format + "'");
        if (spec.bytes == 0 || spec.bytes % 4096 != 0 || spec.bytes < spec.layer.bytes)
            return make_error(Code::invalid, "disk '" + spec.role + "' cannot be that small or uneven");
        struct stat status {};
        if (::stat(spec.layer.path.c_str(), &status) != 0)
            return make_error(Code::not_found, "the layer " + spec.layer.path + " is gone");
        if (static_cast<std::uint64_t>(status.st_size) != spec.layer.bytes)
            return make_error(Code::corrupt, "the layer " + spec.layer.path + " has another size");
        return {};
    }

    /// What a sparse file holds, without its holes (lseek(2), SEEK_DATA).
    static Result<void> copy(const std::string& from_path, const std::string& to_path, std::uint64_t bytes)
    {
        auto from = os::open_file(from_path, O_RDONLY);
        auto to = os::open_file(to_path, O_RDWR | O_CREAT | O_TRUNC);
        if (!from || !to)
            return std::move(from ? to.error() : from.error());
        std::string buffer(1U << 20U, '\0');
        off_t at = 0;
        while ((at = ::lseek(from->get(), at, SEEK_DATA)) >= 0) {
            const off_t end = ::lseek(from->get(), at, SEEK_HOLE);
            while (at < end) {
                const auto most = std::min(buffer.size(), static_cast<std::size_t>(end - at));
                const ssize_t got = ::pread(from->get(), buffer.data(), most, at);
                if (got <= 0 || ::pwrite(to->get(), buffer.data(), static_cast<std::size_t>(got), at) != got)
                    return os_error("copy " + from_path);
                at += got;
            }
        }
        if (::ftruncate(to->get(), static_cast<off_t>(bytes)) != 0)
            return os_error("extend " + to_path);
        return {};
    }

    Host& host_;
    std::shared_ptr<FakeStorageWorld> world_;
};

}  // namespace banger::sdk::testing
