// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "banger/sdk/jail.hpp"

namespace banger::plugins {

/// Where a plugin's log lines go: level, plugin id, message. Called from any thread.
using LogSink = std::function<void(sdk::LogLevel, const std::string&, std::string_view)>;

/// What one plugin sees of banger.
class PluginHost final : public sdk::Host {
public:
    struct Settings {
        std::string plugin;  ///< id
        std::string instance;
        std::string cache_directory;  ///< of this plugin alone; made on first use
        std::string vms_directory;
        LogSink log;               ///< may be empty
        uid_t user = ::geteuid();  ///< see sdk::Host::user
        std::shared_ptr<sdk::Jails> jails{};  ///< see sdk::Host::jails
    };

    explicit PluginHost(Settings settings) : settings_(std::move(settings)) {}

    void log(sdk::LogLevel level, std::string_view message) override;
    [[nodiscard]] std::string instance() const override { return settings_.instance; }
    [[nodiscard]] std::string cache_directory() const override;
    [[nodiscard]] std::string vms_directory() const override { return settings_.vms_directory; }
    [[nodiscard]] uid_t user() const override { return settings_.user; }
    [[nodiscard]] sdk::Jails* jails() override { return settings_.jails.get(); }

private:
    Settings settings_;
};

}  // namespace banger::plugins
