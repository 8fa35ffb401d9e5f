// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/result.hpp"

namespace banger::firecracker {

/// A file that is kept short by banger-vmm-logs.
struct KeptLog {
    std::string name;
    std::uint64_t most = 0;  ///< bytes
    std::string fifo = {};   ///< path of one to make, for who is not given a descriptor; empty: there is no such
};

/// A banger-vmm-logs: what is written to its ends, in the order of the logs, goes into the files. It ends by itself once all
/// of them are closed, and never makes a writer wait that does not want to.
struct LogKeeper {
    std::vector<sdk::os::UniqueFd> ends;
    sdk::os::ProcessId process;
};

/// Starts one in the directory.
sdk::Result<LogKeeper> keep_logs(const std::string& directory, const std::vector<KeptLog>& logs);

}  // namespace banger::firecracker
