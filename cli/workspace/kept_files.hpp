// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"
#include "guest/tree/stamp.hpp"

namespace banger::workspace {

/// Files of a directory as they were before somebody else's program was let at them, with copies elsewhere, to undo what
/// it did. Content, modes and times of files and links come back, and so do the directories around them; what did not
/// change is left alone. Threads: one. Crashes: the copies stay where they are.
class KeptFiles {
public:
    /// Copies those of `names` (relative to `root`) that are there to `place`, which is made. Errors: those of reading
    /// and writing; nothing in `root` is changed.
    static sdk::Result<KeptFiles> keep(const std::string& root, const std::vector<std::string>& names,
                                       const std::string& place);

    /// Goes on to the end whatever fails, and tells of the first failure.
    [[nodiscard]] sdk::Result<void> restore() const;

private:
    sdk::Result<void> keep_one(const std::string& name);
    void note_directories(const std::string& name);
    [[nodiscard]] bool is_as_it_was(const std::string& name) const;

    std::string root_;
    std::string place_;
    sdk::os::UniqueFd directory_;  ///< root_
    std::map<std::string, std::optional<tree::Stamp>> files_;   ///< nothing: there was no such file
    std::map<std::string, std::optional<mode_t>> directories_;  ///< above them; nothing: there was none
};

}  // namespace banger::workspace
