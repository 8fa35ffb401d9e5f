// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/machine_shape.hpp"

namespace banger::sdk {

/// The files of a save of vmm.snapshot/0 in its directory: those that the VMM wrote, and
///
///     facts       what a machine must be like to go on with them; written last, so that it says that the save is whole
///     unsealed    the same before they are on the disk, and this boot of the host, after which nothing is sure
class SavedMachine {
public:
    /// `content` are the names of the VMM's files.
    SavedMachine(std::string directory, std::vector<std::string> content)
        : directory_(std::move(directory)), content_(std::move(content))
    {
    }

    [[nodiscard]] std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
    /// The VMM's files are complete. Waits for no disk.
    [[nodiscard]] Result<void> describe(const MachineShape& shape) const;
    /// All is on the disk. Done already is success; `not_found` unless it was described in this boot of the host, or if
    /// the disk lost some of it; `cancelled` with the call, after which it can be sealed again.
    [[nodiscard]] Result<void> seal(const Call& call) const;
    /// Of a sealed save; `not_found` for any other.
    [[nodiscard]] Result<MachineShape> shape() const;
    /// Removes the VMM's files. Gone already is success.
    [[nodiscard]] Result<void> remove() const;

private:
    std::string directory_;
    std::vector<std::string> content_;
};

}  // namespace banger::sdk
