// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/storage.hpp"

namespace banger::file {

constexpr std::string_view raw_word = "disk:raw";
constexpr std::string_view qcow2_word = "disk:qcow2";

/// The files of one disk in its VM's directory:
///
///     ROLE.raw                        a disk that shares blocks with its layer
///     ROLE.qcow2, ROLE.1.qcow2, ...   one that stands on it; each freeze adds a top, and the newest is the disk
///     ROLE.new                        half made
///     ROLE.freeze                     a freeze under way: the path of the layer to be
///
/// A top is never renamed: QEMU opens it again by its name when it becomes a layer. An empty top over the last one is
/// as good as that one, so whatever a crash leaves, the newest is the right one.
class DiskFiles {
public:
    /// `invalid` if the role is no plain word.
    static sdk::Result<DiskFiles> of(const sdk::Owner& owner, const std::string& role);

    [[nodiscard]] const std::string& role() const { return role_; }
    [[nodiscard]] std::string raw() const { return stem_ + ".raw"; }
    [[nodiscard]] std::string qcow2(unsigned generation) const;
    [[nodiscard]] std::string unfinished() const { return stem_ + ".new"; }
    [[nodiscard]] std::string freeze() const { return stem_ + ".freeze"; }
    /// What create makes.
    [[nodiscard]] std::string first(std::string_view word) const { return word == raw_word ? raw() : qcow2(0); }
    /// The newest qcow2 top; none if there is no such disk.
    [[nodiscard]] std::optional<unsigned> generation() const;
    /// Every file of the disk that exists.
    [[nodiscard]] std::vector<std::string> existing() const;

    /// The disk as a VMM opens it. `not_found` if there is none, `corrupt` if there are two or it is damaged.
    [[nodiscard]] sdk::Result<sdk::Disk> open() const;
    /// The layer under a qcow2 disk.
    [[nodiscard]] sdk::Result<sdk::Layer> layer() const;
    /// Makes the disk that long, durably. `busy` if somebody has it open.
    [[nodiscard]] static sdk::Result<void> grow(const sdk::Disk& disk, std::uint64_t bytes);

private:
    DiskFiles(std::string directory, std::string role)
        : directory_(std::move(directory)), role_(std::move(role)), stem_(directory_ + "/" + role_)
    {
    }

    std::string directory_;
    std::string role_;
    std::string stem_;
};

/// Length of the disk that a layer's file holds now. `not_found` if the file is gone, `corrupt` if it is none of the
/// kind.
sdk::Result<std::uint64_t> bytes_in(const sdk::Layer& layer);

/// Whether QEMU or one of its tools works with the image, or may write to it: they hold open-file-description locks on it
/// (fcntl(2), F_OFD_GETLK), on one byte for each kind of permission (QEMU's block/file-posix.c: RAW_LOCK_PERM_BASE, 100,
/// and BLK_PERM_WRITE, bit 1).
bool is_in_use(const std::string& path);
bool is_written(const std::string& path);

/// Writes an empty qcow2 disk over the layer, durably, under a name that nobody reads.
sdk::Result<void> write_top(const std::string& path, std::uint64_t bytes, const sdk::Layer& layer);

}  // namespace banger::file
