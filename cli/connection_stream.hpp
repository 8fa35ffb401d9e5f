// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::cli {

enum class EndedBy { caller, guest };

/// Connects this process's standard input and output with a connection into a guest, whose bytes `stream` carries in
/// `data` frames (guest/protocol/frames.hpp). The end of standard input is passed on; it is over when the guest's side
/// has sent its last byte. Says who closed it first. The guest's error, if it refuses the connection.
sdk::Result<EndedBy> run_connection(sdk::os::UniqueFd stream);

}  // namespace banger::cli
