// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may come as a document of an image: it is refused with a reason, or every blob in it has a harmless name.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "blobs/digest.hpp"
#include "manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger;
    using namespace banger::oci;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto is_named = [](const Descriptor& blob) { return banger::blobs::is_digest(blob.digest); };
    const auto document = parse_manifest(text, "linux/amd64", "the manifest");
    if (!document && document.error().message.empty())
        std::abort();
    if (document && document->index &&
        (document->of_platform.empty() ||
         !std::all_of(document->of_platform.begin(), document->of_platform.end(), is_named)))
        std::abort();
    if (document && !document->index) {
        const auto& layers = document->manifest.layers;
        if (!is_named(document->manifest.config) || layers.size() > max_layers ||
            !std::all_of(layers.begin(), layers.end(), is_named))
            std::abort();
    }
    if (const auto saved = parse_saved(text); saved && saved->layers.size() > max_layers)
        std::abort();
    if (const auto ids = diff_ids_of(text); ids && !std::all_of(ids->begin(), ids->end(), [](const auto& id) {
            return banger::blobs::is_digest(id);
        }))
        std::abort();
    if (execution_of(text).empty())
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
