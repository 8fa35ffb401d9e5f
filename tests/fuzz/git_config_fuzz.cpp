// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A guest's configuration of git may be any bytes. Asking what it sets ends, and what is appended to it is found.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "git_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger::file_sync;
    const std::string text(reinterpret_cast<const char*>(data), size);
    (void)sets_user(text, "name");
    (void)sets_user(text, text);
    // Behind a line that is not continued, a section of our own counts.
    if (!sets_user(text + "\n\n[user]\n\tname = " + quoted_value(text) + "\n", "name"))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
