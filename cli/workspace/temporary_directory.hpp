// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "banger/sdk/result.hpp"

namespace banger::workspace {

/// A directory that vanishes with this object, unless it is left to the user.
class TemporaryDirectory {
public:
    static sdk::Result<TemporaryDirectory> make();
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

}  // namespace banger::workspace
