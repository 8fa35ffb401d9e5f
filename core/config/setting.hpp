// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.hpp"

/// One setting by its name: "vm_defaults.vcpu", "plugin.vmm-qemu.accelerator".
namespace banger::config {

/// The name as the file has it. Also takes what `config show` calls a setting after its unit, such as
/// "vm_defaults.memory_mib". `invalid` with the nearest name for one that there is not; of a plugin's settings only the
/// form is checked, as they are the plugin's own.
[[nodiscard]] sdk::Result<std::string> check_key(const std::string& name);

/// A setting as it is now.
struct Setting {
    std::string key;
    std::string text;  ///< as `ways_to_set` takes it: "8G", "2m", "true"
    std::string json;  ///< memory is a number of MiB, a disk of bytes, a time of milliseconds
    Origin origin = Origin::built_in;
    std::string where;
};

/// `key` comes from check_key. `not_found` for a plugin's setting that the file does not have: what holds then only the
/// plugin knows.
[[nodiscard]] sdk::Result<Setting> find_setting(const Config& config, const std::string& key);

/// The text of a configuration file with one setting changed or added, and every other byte as it was: comments, order,
/// line ends. One text for each way in which TOML may mean the value: as it stands, if it is one ("2", "true"), and as
/// a string; which of them is right is for find_problems, and the plugin, to say.
/// `invalid` if the text, or the value, can be no TOML; `unsupported` for the rare form that cannot be added to, such
/// as an inline table above the setting's own.
[[nodiscard]] sdk::Result<std::vector<std::string>> ways_to_set(std::string_view text, const std::string& file,
                                                                const std::string& key, const std::string& value);

}  // namespace banger::config
