// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "banger/sdk/result.hpp"
#include "core/images/ext4_writer.hpp"

namespace banger::images {

/// The init system that a root file system brings along, complete enough to boot.
enum class InitKind { none, systemd, openrc, s6 };
[[nodiscard]] std::string_view to_string(InitKind kind);

/// What a root file system is, told from its files without running any.
struct ImageFacts {
    std::string os_id;           ///< os-release(5) ID, "linux" if there is none
    std::string os_version;      ///< VERSION_ID; may be empty
    std::string os_pretty_name;  ///< PRETTY_NAME; may be empty
    InitKind init = InitKind::none;
    bool has_sshd = false;
    bool has_git = false;
    bool has_shell = false;
};

/// Looks at names in the file system and reads os-release; follows no link. Errors: reading the file back.
sdk::Result<ImageFacts> image_facts(Ext4Writer& root);

}  // namespace banger::images
