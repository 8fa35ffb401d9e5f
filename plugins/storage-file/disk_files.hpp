// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/disk_tops.hpp"
#include "banger/sdk/storage.hpp"

namespace banger::file {

constexpr std::string_view raw_word = "disk:raw";
constexpr std::string_view qcow2_word = "disk:qcow2";
constexpr std::string_view freeze_ending = ".freeze";

/// The files of one disk in its VM's directory:
///
///     ROLE.raw                            a disk that shares blocks with its layer
///     ROLE.qcow2, ROLE.1-TAG.qcow2, ...   one that stands on it; each freeze adds a top, and the newest is the disk
///     ROLE.new                            half made
///     ROLE.freeze                         a freeze under way: sdk::FreezeNote
///
/// QEMU opens a top again by its name when that becomes a layer. An empty top over the last one is as good as that one,
/// so whatever a crash leaves, the newest is the right one.
class DiskFiles {
public:
    /// `invalid` if the role is no plain word.
    static sdk::Result<DiskFiles> of(const sdk::Owner& owner, const std::string& role);

    [[nodiscard]] const std::string& role() const { return role_; }
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string raw() const { return stem_ + ".raw"; }
    [[nodiscard]] std::string unfinished() const { return stem_ + ".new"; }
    [[nodiscard]] std::string freeze() const { return stem_ + std::string(freeze_ending); }
    /// What create makes.
    [[nodiscard]] std::string first(std::string_view word) const { return word == raw_word ? raw() : tops_.first(); }

    /// The qcow2 ones.
    [[nodiscard]] const sdk::DiskTops& tops() const { return tops_; }
    /// Every file of the disk that exists. None without a directory.
    [[nodiscard]] sdk::Result<std::vector<std::string>> existing() const;

    /// The disk as a VMM opens it, with the layer that it stands on as its header names it (without its length).
    /// `not_found` if there is none, `corrupt` if there are two or it is damaged.
    [[nodiscard]] sdk::Result<sdk::Disk> open() const;
    /// Makes the disk that long, durably. The caller sees to it that nobody has it open.
    [[nodiscard]] static sdk::Result<void> grow(const sdk::Disk& disk, std::uint64_t bytes);

private:
    DiskFiles(std::string directory, std::string role, sdk::DiskTops tops)
        : directory_(std::move(directory)), role_(std::move(role)), stem_(directory_ + "/" + role_),
          tops_(std::move(tops))
    {
    }

    std::string directory_;
    std::string role_;
    std::string stem_;
    sdk::DiskTops tops_;
};

/// Writes an empty qcow2 disk over the layer, durably, under a name that nobody reads.
sdk::Result<void> write_top(const std::string& path, std::uint64_t bytes, const sdk::Layer& layer);

}  // namespace banger::file
