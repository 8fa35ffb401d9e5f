// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::images {

/// A directory that is being filled and that nobody reads. Locked (flock(2)) for as long as this object lives, so that
/// another process can tell it from one that a crash left. Destruction removes what was not published.
class Staging {
public:
    Staging(std::string path, sdk::os::UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    Staging(Staging&& other) noexcept : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
    Staging& operator=(Staging&&) = delete;
    ~Staging() { (void)discard(); }

    [[nodiscard]] const std::string& path() const { return path_; }
    /// Removes it with all that is in it.
    sdk::Result<void> discard();

private:
    friend class Shelf;
    std::string path_;  // empty: published or discarded
    sdk::os::UniqueFd lock_;
};

/// A directory of finished things, each in a directory named by its id that appears and disappears by one rename.
///
/// Threads and processes: any number at once.
/// Crashes: leave `.new-*` and `.old-*` directories that nobody reads; sweep removes them.
class Shelf {
public:
    explicit Shelf(std::string directory) : directory_(std::move(directory)) {}

    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string path(const std::string& id) const { return directory_ + "/" + id; }
    [[nodiscard]] bool holds(const std::string& id) const;
    /// Sorted. Empty if the directory does not exist yet.
    [[nodiscard]] sdk::Result<std::vector<std::string>> ids() const;

    /// An empty directory for making `id`. Makes the shelf's own directory (0700) if it is absent.
    [[nodiscard]] sdk::Result<Staging> stage(const std::string& id) const;
    /// Makes the staged directory the thing `id`, durably. Where somebody else published it first theirs stays and ours
    /// is discarded. The files in it are synced already; the directory is synced here.
    [[nodiscard]] sdk::Result<void> publish(Staging staging, const std::string& id) const;
    /// Allocated bytes that were freed. `not_found` if it is not there.
    [[nodiscard]] sdk::Result<std::uint64_t> remove(const std::string& id) const;
    /// Paths of what nobody fills or empties any more.
    [[nodiscard]] std::vector<std::string> abandoned() const;
    /// Removes what nobody fills or empties any more.
    void sweep() const;

private:
    std::string directory_;
};

/// Bytes that the file, or the tree without following symlinks, occupies on its disk. What is gone counts nothing.
std::uint64_t allocated_bytes(const std::string& path);

}  // namespace banger::images
