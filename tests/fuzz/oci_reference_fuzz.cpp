// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may come as a reference: it is refused with a reason, or its parts can stand in a URL as they are.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "credentials.hpp"
#include "reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger::oci;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto reference = parse_reference(text);
    if (!reference && (reference.error().message.empty() || reference.error().hint.empty()))
        std::abort();
    if (reference) {
        const std::string url = reference->host() + "/" + reference->repository + "/" + reference->manifest();
        const std::string harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:/[]";
        if (reference->manifest().empty() || url.find_first_not_of(harmless) != std::string::npos ||
            reference->repository.find("..") == 0)
            std::abort();
        // What it says of itself in full is the same reference.
        const auto again = parse_reference(reference->registry + "/" + reference->repository +
                                           (reference->tag.empty() ? "" : ":" + reference->tag) +
                                           (reference->digest.empty() ? "" : "@" + reference->digest));
        if (!again || again->repository != reference->repository || again->manifest() != reference->manifest())
            std::abort();
    }
    (void)credentials_in(text, "docker.io", "library/alpine");
    return 0;
}

#include "corpus_main.hpp"
