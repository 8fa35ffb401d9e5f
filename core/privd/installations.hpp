// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/plugins/registry.hpp"
#include "core/privd/service.hpp"

namespace banger::privd {

/// What an installation of the user's is called in the kernel. An id is eight hexadecimal digits; this begins with one of
/// the letters behind f instead. So no user can name what a daemon of root's, which has taps and disks without the helper,
/// or anybody else has made under its own id.
[[nodiscard]] std::string name_in_kernel(const std::string& instance);

/// The providers of each of the user's installations, made when it first asks. Those that were not used for longest are
/// given up when there are many: a provider keeps nothing that it does not find again.
///
/// Threads: any.
class Installations {
public:
    struct Settings {
        std::vector<std::string> plugin_directories;
        std::map<std::string, config::PluginSection> config;
        std::string directory;  ///< of the helper's own; gets a directory for each installation
        uid_t user = 0;
        plugins::LogSink log;
    };

    explicit Installations(Settings settings) : settings_(std::move(settings)) {}

    /// `busy` if the user has more installations than anybody needs.
    [[nodiscard]] sdk::Result<std::shared_ptr<sdk::Provider>> provider(const Installation& installation,
                                                                       const plugins::CapabilityName& wanted);
    /// Of all that were ever served, and are not gone.
    [[nodiscard]] sdk::Result<std::vector<Held>> held();

private:
    struct Open {
        Installation installation;
        std::shared_ptr<plugins::Registry> registry;
        std::uint64_t last_use = 0;
    };

    [[nodiscard]] sdk::Result<std::shared_ptr<plugins::Registry>> open(const Installation& installation);
    [[nodiscard]] std::vector<Open> take_surplus(std::size_t most);
    void close(std::vector<Open> surplus) const;
    [[nodiscard]] sdk::Result<void> remember(const Installation& installation) const;
    [[nodiscard]] std::string directory_of(const std::string& instance) const
    {
        return settings_.directory + "/" + instance;
    }

    Settings settings_;
    std::mutex mutex_;
    std::map<std::string, Open> open_;
    std::uint64_t uses_ = 0;
};

}  // namespace banger::privd
