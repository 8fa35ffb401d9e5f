// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any bytes may be in handles.json after a crash: it is torn, or every entry in it can be released by its key.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"
#include "core/handles/journal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    static const sdk::testing::TemporaryDirectory directory;
    const sdk::Owner owner{"0123abcd", "0123456789ab", directory.path()};
    if (!sdk::os::write_file_atomic(directory.path() + "/handles.json",
                                    std::string(reinterpret_cast<const char*>(data), size)))
        std::abort();
    const auto journal = handles::read_journal(owner);
    const bool has_keys = std::all_of(journal.entries.begin(), journal.entries.end(), [](const handles::Entry& entry) {
        return !entry.handle.kind.empty() && !entry.handle.provider.empty() && !entry.handle.key.empty();
    });
    if (journal.found == handles::Found::missing || !has_keys ||
        (journal.found == handles::Found::torn && !journal.entries.empty()))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
