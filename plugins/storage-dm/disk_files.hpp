// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/disk_tops.hpp"
#include "banger/sdk/storage.hpp"
#include "cow_note.hpp"

namespace banger::dm {

constexpr std::string_view disk_word = "disk:raw";  ///< of what a VMM is given: a block device
constexpr std::string_view freeze_ending = ".dm-freeze";

/// The files of one disk in its VM's directory:
///
///     ROLE.cow, ROLE.1-TAG.cow, ...             what was written to it; each freeze adds one, and the newest is the disk
///     ROLE.cow.note, ROLE.1-TAG.cow.note, ...   what each stands on: cow_note.hpp
///     ROLE.new                                  half made
///     ROLE.dm-freeze                            a freeze under way: sdk::FreezeNote
///
/// A note is there before its file, and goes after it.
class DiskFiles {
public:
    /// `invalid` if the role is no plain word.
    static sdk::Result<DiskFiles> of(const sdk::Owner& owner, const std::string& role);

    [[nodiscard]] const std::string& role() const { return role_; }
    [[nodiscard]] const std::string& directory() const { return directory_; }
    [[nodiscard]] std::string unfinished() const { return directory_ + "/" + role_ + ".new"; }
    [[nodiscard]] std::string freeze() const { return directory_ + "/" + role_ + std::string(freeze_ending); }
    [[nodiscard]] const sdk::DiskTops& tops() const { return tops_; }

    struct Top {
        std::string cow;
        CowNote note;
    };
    /// The newest: the disk. `not_found` if there is none, `corrupt` if it is damaged.
    [[nodiscard]] sdk::Result<Top> open() const;

    /// Makes an empty top over the layer, durably; its name comes last. The caller removes what an error leaves.
    [[nodiscard]] sdk::Result<void> make(const std::string& cow, std::uint64_t bytes, const sdk::Layer& layer) const;
    /// Makes the disk that long, durably: what it writes to first. Nobody has it open.
    [[nodiscard]] static sdk::Result<void> grow(Top& top, std::uint64_t bytes);

    /// Every file of the disk that exists, the notes last. None without a directory.
    [[nodiscard]] sdk::Result<std::vector<std::string>> existing() const;
    /// Removes them all, in that order.
    [[nodiscard]] sdk::Result<void> remove() const;

private:
    DiskFiles(std::string directory, std::string role, sdk::DiskTops tops, sdk::DiskTops notes)
        : directory_(std::move(directory)), role_(std::move(role)), tops_(std::move(tops)), notes_(std::move(notes))
    {
    }

    std::string directory_;
    std::string role_;
    sdk::DiskTops tops_;
    sdk::DiskTops notes_;
};

}  // namespace banger::dm
