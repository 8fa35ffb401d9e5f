// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "banger/sdk/result.hpp"

namespace banger::tree {

/// Whose cache keeps what is written to a large file.
enum class Caching {
    here,   ///< this kernel's, as always
    below,  ///< what is under the disk caches it: a guest, whose host does. Kept twice it costs twice
};

/// Writes the content of one file, piece by piece, with holes where pieces leave some. With Caching::below a piece that goes
/// on for more than 8 MiB goes around the page cache from there on (open(2), O_DIRECT), where the file system can do that.
class FileWriter {
public:
    /// `file` is open for writing, without O_APPEND, and outlives this.
    FileWriter(int file, Caching caching) : file_(file), caching_(caching) {}

    /// What is written may be on its way until `finish`. Errors: those of pwrite(2).
    [[nodiscard]] sdk::Result<void> write(std::string_view bytes, off_t at);
    [[nodiscard]] sdk::Result<void> finish();

private:
    struct Free {
        void operator()(char* bytes) const { std::free(bytes); }
    };

    [[nodiscard]] bool starts_direct();
    sdk::Result<void> write_all(std::string_view bytes, off_t at, bool direct);
    sdk::Result<void> flush();
    bool set_direct(bool on);

    int file_;
    Caching caching_;
    off_t end_ = 0;            ///< of what was given last
    off_t run_ = 0;            ///< how much was given without a gap
    bool direct_ = false;      ///< the descriptor is
    std::unique_ptr<char, Free> block_;
    std::size_t filled_ = 0;   ///< of block_, which ends at end_
};

}  // namespace banger::tree
