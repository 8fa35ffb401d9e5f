// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <array>
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

struct FreeBlock {
    void operator()(char* bytes) const { std::free(bytes); }
};
using Block = std::unique_ptr<char, FreeBlock>;
/// Memory as direct input and output want it. `size` is a multiple of 4096; nothing where there is no memory.
[[nodiscard]] Block make_block(std::size_t size);

/// Writes the content of one file, piece by piece, with holes where pieces leave some. With Caching::below a piece that goes
/// on for more than 8 MiB goes around the page cache from there on (open(2), O_DIRECT), where the file system can do that;
/// long pieces that lie in a Block at a multiple of 512 then go without being copied.
class FileWriter {
public:
    /// `file` is open for writing, without O_APPEND, and outlives this.
    FileWriter(int file, Caching caching) : file_(file), caching_(caching) {}

    /// What is written may be on its way until `finish`. Errors: those of pwrite(2).
    [[nodiscard]] sdk::Result<void> write(std::string_view bytes, off_t at);
    [[nodiscard]] sdk::Result<void> finish();

private:
    [[nodiscard]] bool starts_direct();
    sdk::Result<void> write_all(std::string_view bytes, off_t at, bool direct);
    sdk::Result<void> write_both(std::array<iovec, 2> pieces, off_t at, bool direct);
    [[nodiscard]] std::size_t missing_of_page() const;
    [[nodiscard]] bool goes_as_it_lies(std::string_view bytes) const;
    sdk::Result<std::size_t> write_as_it_lies(std::string_view bytes);
    sdk::Result<void> flush();
    bool set_direct(bool on);

    int file_;
    Caching caching_;
    off_t end_ = 0;            ///< of what was given last
    off_t run_ = 0;            ///< how much was given without a gap
    bool direct_ = false;      ///< the descriptor is
    Block block_;
    std::size_t filled_ = 0;   ///< of block_, which ends at end_
};

}  // namespace banger::tree
