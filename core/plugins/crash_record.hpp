// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "banger/sdk/result.hpp"
#include "core/plugins/in_flight.hpp"

namespace banger::plugins {

/// Which plugins took a daemon down, one small file each, so that the next daemon can name them and leave them alone.
///
/// A plugin is disabled when it crashed while it was loaded, made or probed, or in three daemons in a row. It is
/// enabled again by a library that is newer than the crash, or by removing its file.
class CrashRecord {
public:
    /// What is known of one plugin.
    struct Entry {
        Crash last;
        int count = 0;
        [[nodiscard]] bool disables() const;
    };

    /// The directory is made when something is noted. An empty name keeps no record.
    explicit CrashRecord(std::string directory) : directory_(std::move(directory)) {}

    [[nodiscard]] sdk::Result<void> note(const Crash& crash) const;

    /// What is known of this plugin, unless its library changed since.
    [[nodiscard]] std::optional<Entry> find(const std::string& plugin, const std::string& library) const;

    /// The plugin went through a daemon's life unharmed, or somebody enabled it again.
    [[nodiscard]] sdk::Result<void> forget(const std::string& plugin) const;

    [[nodiscard]] std::string file_of(const std::string& plugin) const { return directory_ + "/" + plugin + ".json"; }

private:
    [[nodiscard]] std::optional<Entry> read(const std::string& plugin) const;

    std::string directory_;
};

/// "plugin 'x' is disabled: the daemon died of SIGSEGV in its load", with how to enable it again.
[[nodiscard]] sdk::Error disabled_error(const CrashRecord::Entry& entry, const std::string& file);

}  // namespace banger::plugins
