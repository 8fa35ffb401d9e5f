// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "machine_shape.hpp"

namespace banger::qemu {

/// The files of a save in its directory:
///
///     machine     QEMU's migration stream: memory, processors and devices
///     facts       what a machine must be like to go on with it; written last, so that it says that the save is whole
///     unsealed    the same before the stream is on the disk, and this boot of the host, after which nothing is sure
class SavedMachine {
public:
    explicit SavedMachine(const std::string& directory) : directory_(directory) {}

    /// The empty stream, to be written. `exists` if there is one.
    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> create() const;
    /// The stream, to be read, and while it is made written.
    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> open() const;
    [[nodiscard]] sdk::Result<sdk::os::UniqueFd> reopen() const;
    /// Whether it is this process that writes the stream, or did and has not let go of it.
    [[nodiscard]] sdk::Result<bool> is_written_by(pid_t pid) const;
    /// The stream is complete. Waits for no disk.
    [[nodiscard]] sdk::Result<void> describe(const MachineShape& shape) const;
    /// All is on the disk. Done already is success; `not_found` unless it was described in this boot of the host, or if
    /// the disk lost some of it; `cancelled` with the call, after which it can be sealed again.
    [[nodiscard]] sdk::Result<void> seal(const sdk::Call& call) const;
    /// Of a sealed save; `not_found` for any other.
    [[nodiscard]] sdk::Result<MachineShape> shape() const;
    [[nodiscard]] sdk::Result<void> remove() const;

private:
    [[nodiscard]] std::string stream() const { return directory_ + "/machine"; }
    [[nodiscard]] std::string facts() const { return directory_ + "/facts"; }
    [[nodiscard]] std::string unsealed() const { return directory_ + "/unsealed"; }

    std::string directory_;
};

}  // namespace banger::qemu
