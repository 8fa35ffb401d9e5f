// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::sdk {

/// How a storage/0 provider may name what a disk is made of in its VM's directory, where each freeze (storage.fork/0)
/// adds a top over the last one and the newest is the disk:
///
///     ROLE.ENDING, ROLE.1-TAG.ENDING, ROLE.2-TAG.ENDING, ...
///
/// A top is never renamed, and no name comes twice, for its tag is random: somebody may still have one of a freeze open
/// that was undone.
class DiskTops {
public:
    /// `ending` such as ".qcow2". `invalid` if the role is no plain word, for it becomes a file's name.
    static Result<DiskTops> of(std::string directory, std::string role, std::string ending);

    struct Top {
        unsigned generation = 0;  ///< 0: what create made
        std::string path;
    };
    /// Oldest first. `not_found` if there is no such directory.
    [[nodiscard]] Result<std::vector<Top>> list() const;
    /// What create makes.
    [[nodiscard]] std::string first() const { return directory_ + "/" + role_ + ending_; }
    /// A name for a top above them all, that there never was.
    [[nodiscard]] Result<std::string> next() const;

private:
    DiskTops(std::string directory, std::string role, std::string ending)
        : directory_(std::move(directory)), role_(std::move(role)), ending_(std::move(ending))
    {
    }

    std::string directory_;
    std::string role_;
    std::string ending_;
};

}  // namespace banger::sdk
