// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/network.hpp"

namespace banger::sdk::testing {

/// The links that FakeNetwork providers have made. Like processes they outlive each provider: keep one world over a
/// restart. Threads: any.
class FakeNetworkWorld {
public:
    /// The next attach fails with this error.
    void fail_next_attach(Error error)
    {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(error);
    }

    bool is_connected(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        return connected_.contains(vm);
    }

    /// A link goes away behind everybody's back.
    void die(const std::string& vm)
    {
        const std::lock_guard lock(mutex_);
        links_.erase(vm);
        connected_.erase(vm);
    }

    /// How many links there are now.
    std::size_t attached()
    {
        const std::lock_guard lock(mutex_);
        return links_.size();
    }

private:
    friend class FakeNetwork;
    std::mutex mutex_;
    std::map<std::string, Handle> links_;  // by VM
    std::set<std::string> connected_;      // VMs
    std::optional<Error> failure_;
    int next_ = 1;
};

/// network/0 that reaches nothing: it keeps state and passes NetworkContract.
class FakeNetwork : public Network {
public:
    FakeNetwork(Host& host, std::shared_ptr<FakeNetworkWorld> world) : host_(host), world_(std::move(world)) {}

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        probe.offers = {"link:stream-socket", "link:user-restricted", "link:none"};
        return probe;
    }

    Result<std::vector<Handle>> plan(const LinkSpec& spec) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (spec.egress == Egress::none)
            return std::vector<Handle>{};
        return std::vector{handle_of(spec.owner)};
    }

    Result<Attached<Link>> attach(const LinkSpec& spec, Call& call) override
    {
        if (auto checked = check(spec); !checked)
            return std::move(checked).error();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::lock_guard lock(world_->mutex_);
        if (world_->failure_)
            return *std::exchange(world_->failure_, std::nullopt);
        Link link;
        link.mac = "52:54:00:" + spec.owner.vm.substr(0, 2) + ":" + spec.owner.vm.substr(2, 2) + ":" +
                   spec.owner.vm.substr(4, 2);
        if (spec.egress == Egress::none) {
            link.attachment.kind = spec.attachment == "link:user-restricted" ? "user-restricted" : "none";
            return Attached<Link>{std::move(link), handle_of(spec.owner)};
        }
        if (world_->links_.contains(spec.owner.vm))
            return make_error(Code::exists, "VM " + spec.owner.vm + " has its network already");
        link.attachment = {"stream-socket", {{"path", spec.owner.directory + "/net.sock"}}};
        link.address = "10.0.2.15/24";
        link.gateway = "10.0.2.2";
        link.dns = {"10.0.2.3"};
        auto handle = handle_of(spec.owner);
        handle.bound = {{"number", std::to_string(world_->next_++)}};
        world_->links_[spec.owner.vm] = handle;
        return Attached<Link>{std::move(link), std::move(handle)};
    }

    Result<void> connect(const Handle& handle, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const std::lock_guard lock(world_->mutex_);
        if (!world_->links_.contains(handle.owner.vm))
            return make_error(Code::not_found, "VM " + handle.owner.vm + " has no network");
        world_->connected_.insert(handle.owner.vm);
        return {};
    }

    Result<void> release(const Handle& handle) override
    {
        world_->die(handle.owner.vm);
        return {};
    }

    Result<Inspection> inspect(const Handle& handle) override
    {
        const std::lock_guard lock(world_->mutex_);
        const auto found = world_->links_.find(handle.owner.vm);
        if (found == world_->links_.end())
            return Inspection{};
        Inspection inspection{true, found->second.bound};
        inspection.facts["connected"] = world_->connected_.contains(found->first) ? "yes" : "no";
        return inspection;
    }

    Result<std::vector<Handle>> list() override
    {
        const std::lock_guard lock(world_->mutex_);
        std::vector<Handle> handles;
        for (const auto& [vm, handle] : world_->links_)
            if (handle.owner.instance == host_.instance())
                handles.push_back(handle);
        return handles;
    }

private:
    static Handle handle_of(const Owner& owner) { return Handle{"network/0", "fake", "link", owner, {}}; }

    static Result<void> check(const LinkSpec& spec)
    {
        const bool open = spec.attachment == "link:stream-socket";
        const bool closed = spec.attachment == "link:none" || spec.attachment == "link:user-restricted";
        if (open || (closed && spec.egress == Egress::none))
            return {};
        return make_error(Code::unsupported, "the fake network makes no such link over '" + spec.attachment + "'");
    }

    Host& host_;
    std::shared_ptr<FakeNetworkWorld> world_;
};

}  // namespace banger::sdk::testing
