// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "banger/sdk/provisioner.hpp"
#include "config.hpp"

namespace banger::file_sync {

/// Who commits: `name` and `email`, where they are known.
using IdentityReader = std::function<sdk::Result<sdk::Fields>(sdk::Call& call)>;

/// What git of this host says with --global in this home; nothing where there is no git. `unavailable` with git's own
/// words if it cannot read its configuration.
[[nodiscard]] IdentityReader git_of(std::string home);

/// provision/0 "git-identity": user.name and user.email of the host's git go to the end of /root/.gitconfig, each
/// unless the guest's configuration of git sets it already, and neither if file_sync brings a .gitconfig of its own.
/// An identity that cannot be read is a warning.
///
/// `home` is what "~" means on this host. Threads: any number; it keeps no state.
[[nodiscard]] std::unique_ptr<sdk::Provisioner> make_git_identity_from(Config config, std::string home,
                                                                       IdentityReader read_identity);
[[nodiscard]] std::unique_ptr<sdk::Provisioner> make_git_identity(Config config, std::string home);

}  // namespace banger::file_sync
