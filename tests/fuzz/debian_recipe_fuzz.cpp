// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Any text may come as a recipe: it is refused with a reason, or every path in it stays inside of the image.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "image_recipe.hpp"
#include "kernel_recipe.hpp"
#include "words.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace banger::debian;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto image = read_image_recipe(text);
    const auto kernel = read_kernel_recipe(text);
    if ((!image && image.error().message.empty()) || (!kernel && kernel.error().message.empty()))
        std::abort();
    if (!image)
        return 0;
    const auto& customize = image->customize;
    const auto inside = [](const auto& entry) { return is_absolute_path(entry.first); };
    if (!std::all_of(customize.files.begin(), customize.files.end(), inside) ||
        !std::all_of(customize.links.begin(), customize.links.end(), inside) ||
        !std::all_of(customize.prune.begin(), customize.prune.end(), inside) ||
        !std::all_of(customize.remove.begin(), customize.remove.end(), is_absolute_path))
        std::abort();
    return 0;
}

#include "corpus_main.hpp"
