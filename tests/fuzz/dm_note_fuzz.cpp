// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may be where a note of a disk should be: it is none, or reads as it would be written again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cow_note.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto note = banger::dm::parse_note({reinterpret_cast<const char*>(data), size});
    const auto again = note ? banger::dm::parse_note(banger::dm::note_text(*note)) : note;
    if (note ? !again || !(*again == *note) : note.error().message.empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
