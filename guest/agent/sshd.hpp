// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guest/agent/identity.hpp"

namespace banger::agent {

[[nodiscard]] bool has_sshd();

/// Lets the holders of the configured keys in as root, whatever permissions /root came with: sshd takes no key that others
/// could have put there (StrictModes, sshd_config(5)). Where the image has an sshd, it gets the guest's host keys and is told to
/// take keys only, whatever the image's configuration says, unless the file in which it is told that is there already; a copy of
/// another guest loses that one's host keys, and a running sshd hears of it. Errors: those of writing the files.
[[nodiscard]] sdk::Result<void> install_ssh(const Configuration& configuration, Before before);

/// Of the files in /etc/ssh, the host keys that are not among `wanted` and are thus another guest's.
[[nodiscard]] std::vector<std::string> foreign_host_keys(const std::vector<std::string>& files,
                                                         const std::vector<Configuration::HostKey>& wanted);

/// Lines of `existing` with those of `wanted` that it lacks; nothing else changes.
[[nodiscard]] std::string merge_lines(std::string existing, const std::vector<std::string>& wanted);

/// Whether an sshd_config reads the files of sshd_config.d before any setting of its own: of each setting the first counts.
[[nodiscard]] bool begins_with_drop_ins(std::string_view sshd_config);

/// Whether it reads other files anywhere, which sshd can since OpenSSH 8.2.
[[nodiscard]] bool includes_files(const std::string& sshd_config);

/// An sshd_config in which our settings come before all others, in and outside of Match blocks; as it is, if they do. Where it
/// reads other files, ours among them (`drop_in_names` are those in sshd_config.d) has the settings;
/// else it has them itself.
[[nodiscard]] std::string with_key_settings(const std::string& sshd_config, const std::vector<std::string>& drop_in_names);

}  // namespace banger::agent
