// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "banger/sdk/storage.hpp"

namespace banger::dm {

/// What is written beside a file that a snapshot writes to, under its name and `.note`: what the kernel's own format does
/// not say. Lines of a word and a value, in this order; the last value goes to the end of the file.
///
///     banger-dm 1
///     id 6f0c...                  of this file, drawn at random
///     bytes 4294967296            of the disk
///     layer-mark 1732846000       of the file that it stands on: see mark_of
///     layer-bytes 1073741824
///     layer-format raw
///     layer /path/of/the/layer
struct CowNote {
    std::string id;
    std::uint64_t bytes = 0;
    std::string layer_mark;
    sdk::Layer layer;

    bool operator==(const CowNote& other) const;
};

constexpr std::string_view cow_format = "dm-snapshot";  ///< sdk::Layer::format of a layer that was a disk of ours

std::string note_path(const std::string& cow);

std::string note_text(const CowNote& note);
/// `corrupt` for anything else.
sdk::Result<CowNote> parse_note(std::string_view text);

/// Of the file that snapshots write to.
sdk::Result<CowNote> read_note(const std::string& cow);
/// Durable once it returns.
sdk::Result<void> write_note(const std::string& cow, const CowNote& note);

/// What tells a layer from another one that came to lie at its path: the id of one that was a disk of ours; else when
/// the file was last written, for what a snapshot noted is worthless over any other content.
sdk::Result<std::string> mark_of(const sdk::Layer& layer);

sdk::Result<std::string> draw_id();

}  // namespace banger::dm
