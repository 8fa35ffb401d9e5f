// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::workspace {

/// The system's git, for questions about a user's repository and for work in a directory of ours.
///
/// It takes no optional locks, starts no file system monitor, no hook and no download of large files, asks for no
/// password, and is not led elsewhere by GIT_DIR and the like in our environment: what is only asked is not written to.
class Git {
public:
    /// `directory` is where it runs; `interrupt` a descriptor that is readable when it should stop (-1: none).
    explicit Git(std::string directory, int interrupt = -1) : directory_(std::move(directory)), interrupt_(interrupt) {}

    /// Adds a variable to its environment.
    Git& with(std::string name, std::string value);
    /// Adds settings for its programs only: each a "key=value".
    Git& configure(const std::vector<std::string>& settings);

    /// What it prints. Errors: git's own last words for a status other than 0; not_found, with what to install, where
    /// there is no git; cancelled.
    [[nodiscard]] sdk::Result<std::string> run(const std::vector<std::string>& arguments,
                                               const std::string& input = {}) const;
    /// The same for a list of files, where git goes on without a directory that it may not open: permission, naming that.
    [[nodiscard]] sdk::Result<std::string> list(const std::vector<std::string>& arguments) const;
    /// The same without the line feed at its end.
    [[nodiscard]] sdk::Result<std::string> line(const std::vector<std::string>& arguments) const;
    /// What it prints, where status 1 says that this is nothing, as of a filter.
    [[nodiscard]] sdk::Result<std::string> filter(const std::vector<std::string>& arguments,
                                                  const std::string& input) const;
    /// Whether it ends with status 0.
    [[nodiscard]] sdk::Result<bool> agrees(const std::vector<std::string>& arguments) const;
    /// A setting, after all of git's files; empty if it is not set.
    [[nodiscard]] std::string setting(const std::string& key) const;

private:
    [[nodiscard]] std::vector<std::string> command(const std::vector<std::string>& arguments) const;

    std::string directory_;
    int interrupt_;
    std::vector<std::string> settings_;
    std::vector<std::pair<std::string, std::string>> environment_;
};

/// The parts of a list that git printed with -z.
[[nodiscard]] std::vector<std::string> nul_terminated(const std::string& text);

}  // namespace banger::workspace
