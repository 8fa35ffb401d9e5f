// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// Where something short-lived goes that may be large: $TMPDIR, else /var/tmp, which is on a disk (hier(7)).
std::string large_temporary_place();

/// A directory that vanishes with this object, unless it is left to the user.
class TemporaryDirectory {
public:
    /// In $TMPDIR, else /tmp.
    static sdk::Result<TemporaryDirectory> make();
    static sdk::Result<TemporaryDirectory> make_in(const std::string& parent);
    TemporaryDirectory() = default;
    TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept
    {
        std::swap(path_, other.path_);
        return *this;
    }
    ~TemporaryDirectory();
    [[nodiscard]] const std::string& path() const { return path_; }
    void leave() { path_.clear(); }

private:
    std::string path_;
};

}  // namespace banger::cli
