// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may stand in a row or in the copy beside a VM's disks, and any spec may come in a request: it is refused with a
// reason, or it is written and read again as the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/model/vm.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    const auto text = json::parse(std::string(reinterpret_cast<const char*>(data), size), "a record");
    if (!text)
        return 0;
    const auto record = model::record_from_json(*text);
    const auto spec = model::spec_from_json(*text);
    if ((!record && record.error().message.empty()) || (!spec && spec.error().message.empty()))
        std::abort();
    if (record) {
        const auto once = model::to_json(*record);
        const auto again = model::record_from_json(once.value());
        if (!again || model::to_json(*again).text() != once.text())
            std::abort();
    }
    return 0;
}

#include "corpus_main.hpp"
