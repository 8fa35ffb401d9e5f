// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/provisioner.hpp"
#include "config.hpp"

namespace banger::file_sync {

/// provision/0 "file-sync": brings the files and directories of [[file_sync]] into a new guest (see plan()). All of
/// them are looked at before the guest is touched. A host path that is not there, and what a plan leaves out, is a
/// warning; anything else that goes wrong is an error.
///
/// /root/.ssh/authorized_keys keeps the lines that are in the guest already: banger's own key is among them, without
/// which `vm ssh` could not get in.
///
/// `home` is what "~" means on this host. Threads: any number; it keeps no state.
[[nodiscard]] std::unique_ptr<sdk::Provisioner> make_file_sync(Config config, std::string home);

}  // namespace banger::file_sync
