// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/host.hpp"
#include "core/config/config.hpp"
#include "core/plugins/crash_record.hpp"
#include "core/plugins/guard.hpp"
#include "core/plugins/kinds.hpp"
#include "core/plugins/plugin_host.hpp"
#include "core/plugins/sidecar.hpp"

namespace banger::plugins {

enum class PluginState {
    found,        ///< identified, not needed so far
    loaded,       ///< in this process
    broken,       ///< must not or cannot be loaded, or its configuration is wrong
    disabled,     ///< crashed an earlier daemon
    quarantined,  ///< hung in this one
};

[[nodiscard]] std::string_view to_string(PluginState state);

/// A plugin, or what is left of one, for `plugin list`, `plugin show` and `doctor`.
struct PluginStatus {
    std::string id;       ///< the sidecar's, or the file's name if there is none to read
    std::string version;  ///< empty if unknown
    std::string path;
    PluginState state = PluginState::found;
    std::vector<CapabilityName> capabilities;
    std::optional<sdk::Error> problem;  ///< why it cannot be used, with what to do
    std::string config;                 ///< effective, JSON text; empty if it could not be completed
    std::string config_schema;          ///< JSON text
};

/// Which provider was picked and why.
struct Choice {
    std::string name;
    bool automatic = false;
    sdk::Probe probe;
    struct Rejected {
        std::string name;
        std::string reason;
        std::string hint;  ///< what would make it usable; may be empty
    };
    std::vector<Rejected> rejected;  ///< those that `auto` asked before it, in order
};

/// Makes what stands for a provider whose plugin is for root alone: the same interface, and whoever serves it behind.
using StandIn = std::function<sdk::Result<std::unique_ptr<sdk::Provider>>(const CapabilityName& wanted)>;

/// Every plugin that was found, and the providers of those that are used. A plugin is loaded when the first of its
/// providers is asked for, and stays; one that is broken stops nobody but who asks for it.
///
/// Threads: any. Providers are shared: they live as long as the registry, or longer where somebody holds one.
/// Crashes: what a plugin was doing is found by the next registry with the same `in_flight_file`.
class Registry {
public:
    struct Settings {
        std::vector<std::string> directories;  ///< see search_path()
        std::map<std::string, config::PluginSection> config;
        std::string instance;
        std::string cache_directory;  ///< each plugin gets a directory below it
        std::string vms_directory;
        uid_t user = ::geteuid();     ///< whose machines these are: see sdk::Host::user
        StandIn stand_in;             ///< for providers that need root; empty: those are loaded as any others
        std::shared_ptr<sdk::Jails> jails;  ///< see sdk::Host::jails; may be empty
        std::string in_flight_file;   ///< see InFlight; empty: crashes are not noted
        std::string crash_directory;  ///< see CrashRecord; empty: likewise
        Deadlines deadlines;
        LogSink log;
    };

    /// Looks for plugins and runs none of them. Fails only if the record of calls cannot be opened.
    [[nodiscard]] static sdk::Result<std::unique_ptr<Registry>> open(Settings settings);

    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;
    /// The plugins that were used went through this daemon's life unharmed, and their crashes are forgotten.
    ~Registry();

    /// The provider of this name, guarded; loads and makes it if need be. `not_found` with the nearest name; `plugin`
    /// if there is one that cannot be used, or that fails to load; or the factory's own error.
    /// `call` (may be null) ends the waiting for a factory that takes its time.
    template <typename Interface>
    [[nodiscard]] sdk::Result<std::shared_ptr<Interface>> get(const std::string& name, sdk::Call* call = nullptr)
    {
        auto made = provider(std::string(kind_of<Interface>), name, call);
        if (!made)
            return std::move(made).error();
        return std::dynamic_pointer_cast<Interface>(*made);
    }
    [[nodiscard]] sdk::Result<std::shared_ptr<sdk::Provider>> provider(const std::string& kind, const std::string& name,
                                                                       sdk::Call* call = nullptr);

    /// The provider that `wanted` names, or for "auto" the first that is usable here, in the order of auto_order().
    /// `unsupported` if it cannot work here, with each reason, or the problem of the one plugin that offers the kind and is
    /// broken; otherwise the errors of `provider`.
    [[nodiscard]] sdk::Result<Choice> choose(const std::string& kind, const std::string& wanted, sdk::Call& call);

    /// All that `choose` could answer, the one that it does first: for "auto" every provider that is usable here, in the
    /// same order.
    [[nodiscard]] sdk::Result<std::vector<Choice>> candidates(const std::string& kind, const std::string& wanted,
                                                              sdk::Call& call);

    /// What the provider says of this host. A provider that is usable is asked once in the registry's life.
    [[nodiscard]] sdk::Result<sdk::Probe> probe(const std::string& kind, const std::string& name, sdk::Call& call);

    /// Names of the providers of a kind that can be asked for, sorted; those of broken plugins are not among them.
    [[nodiscard]] std::vector<std::string> names(std::string_view kind) const;

    [[nodiscard]] std::vector<PluginStatus> list() const;
    /// `not_found` with the nearest id.
    [[nodiscard]] sdk::Result<PluginStatus> show(const std::string& id) const;

    /// What the plugins say to these sections of a configuration, and which sections nobody takes. A daemon does not start
    /// with any of these; in a registry that is opened all the same, a wrong section breaks its plugin.
    [[nodiscard]] std::vector<sdk::Error> check_config(
        const std::map<std::string, config::PluginSection>& sections) const;

    /// What a person should know: plugins disabled now for a crash, and crashes that could not be noted.
    [[nodiscard]] const std::vector<sdk::Error>& complaints() const { return complaints_; }

private:
    class Entry;

    explicit Registry(Settings settings);
    void note_crashes(const std::vector<Crash>& crashes);
    void look(std::shared_ptr<InFlight> in_flight);
    [[nodiscard]] sdk::Result<Entry*> find(const CapabilityName& wanted) const;
    enum class Which { usable, unusable, all };
    [[nodiscard]] std::vector<std::string> offered(std::string_view kind, Which which) const;

    Settings settings_;
    CrashRecord crashes_;
    std::vector<std::unique_ptr<Entry>> entries_;
    std::vector<sdk::Error> complaints_;
    base::Synchronized<std::map<CapabilityName, sdk::Probe>> probes_;
};

}  // namespace banger::plugins
