// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/proxy.hpp"
#include "core/privd/service.hpp"
#include "core/rpc/server.hpp"

namespace banger::privd::testing {

/// The helper's service behind a real socket, in this process and for this user, over providers that a test gives it.
class PrivdInProcess {
public:
    PrivdInProcess()
        : service_({::geteuid(), [](std::string_view, uid_t) { return true; },
                    [this](const Installation&, const plugins::CapabilityName& wanted) { return find(wanted.name); },
                    [](const std::string& instance) { return instance; }, &jails_, &scopes_,
                    [] { return sdk::Result<std::vector<Held>>(std::vector<Held>()); }})
    {
        auto listener = sdk::os::listen_unix(socket());
        EXPECT_TRUE(listener) << (listener ? "" : listener.error().message);
        server_ = std::make_unique<rpc::Server>(
            loop_, std::move(*listener), [this](const auto& exchange) { service_.handle(exchange); },
            rpc::Server::Limits{::geteuid(), most_connections, most_message_bytes, most_requests, most_unread,
                                rpc::MessageReader::Descriptors::refused});
        thread_ = std::thread([this] { loop_.run(); });
    }
    PrivdInProcess(const PrivdInProcess&) = delete;
    PrivdInProcess& operator=(const PrivdInProcess&) = delete;
    ~PrivdInProcess()
    {
        boost::asio::post(loop_, [this] { loop_.stop(); });
        thread_.join();
    }

    /// Under a name that no other has; for as long as this object lives.
    std::string add(std::shared_ptr<sdk::Provider> provider)
    {
        const std::lock_guard lock(mutex_);
        const std::string name = "provider-" + std::to_string(providers_.size());
        providers_.emplace(name, std::move(provider));
        return name;
    }
    /// What a daemon of that host has instead of the provider.
    template <typename Interface>
    std::unique_ptr<Interface> proxy(const sdk::Host& host, const std::string& name)
    {
        auto made = stand_in(socket(), {host.instance(), host.vms_directory()})(
            {std::string(plugins::kind_of<Interface>), name});
        EXPECT_TRUE(made) << (made ? "" : made.error().message);
        return std::unique_ptr<Interface>(made ? dynamic_cast<Interface*>(made->release()) : nullptr);
    }

    /// Of a host on which programs run without one: what was asked of it is kept.
    class FakeJails final : public sdk::Jails {
    public:
        sdk::Result<void> probe(sdk::Call& /*call*/) override { return {}; }
        sdk::Result<sdk::os::ProcessId> start(const sdk::JailSpec& spec, sdk::Call& /*call*/) override
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(spec);
            return sdk::os::ProcessId{1, 2};
        }
        [[nodiscard]] std::vector<sdk::JailSpec> asked() const
        {
            const std::lock_guard lock(mutex_);
            return asked_;
        }

    private:
        mutable std::mutex mutex_;
        std::vector<sdk::JailSpec> asked_;
    };
    /// Of a host on which a scope is made by saying so: what was asked of it is kept.
    class FakeScopes final : public units::Scopes {
    public:
        sdk::Result<std::string> probe(sdk::Call& /*call*/) override { return std::string("nobody"); }
        sdk::Result<std::string> start(const units::ScopeSpec& spec, sdk::Call& /*call*/) override
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(spec);
            return "of-" + spec.owner.vm + ".scope";
        }
        [[nodiscard]] std::vector<units::ScopeSpec> asked() const
        {
            const std::lock_guard lock(mutex_);
            return asked_;
        }

    private:
        mutable std::mutex mutex_;
        std::vector<units::ScopeSpec> asked_;
    };
    [[nodiscard]] const FakeScopes& scopes() const { return scopes_; }
    std::unique_ptr<units::Scopes> scopes_for(const sdk::Host& host) const
    {
        return privd::scopes(socket(), {host.instance(), host.vms_directory()});
    }
    /// What it jailed, and what a daemon of that host has instead.
    [[nodiscard]] const FakeJails& jails() const { return jails_; }
    std::unique_ptr<sdk::Jails> jails_for(const sdk::Host& host) const
    {
        return privd::jails(socket(), {host.instance(), host.vms_directory()});
    }

    void stop() { service_.stop(); }

    static constexpr std::size_t most_connections = 8;
    static constexpr std::size_t most_message_bytes = 1U << 16U;
    static constexpr std::size_t most_requests = 4;
    static constexpr std::size_t most_unread = 256;

    [[nodiscard]] std::string socket() const { return directory_.path() + "/privd.sock"; }

private:
    sdk::Result<std::shared_ptr<sdk::Provider>> find(const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        const auto found = providers_.find(name);
        if (found == providers_.end())
            return sdk::make_error(sdk::Code::not_found, "there is no such provider");
        return found->second;
    }

    sdk::testing::TemporaryDirectory directory_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<sdk::Provider>> providers_;
    FakeJails jails_;
    FakeScopes scopes_;
    boost::asio::io_context loop_{1};
    Service service_;
    std::unique_ptr<rpc::Server> server_;
    std::thread thread_;
};

}  // namespace banger::privd::testing
