// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/source_choices.hpp"

#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::images {
namespace {

sdk::Result<void> empty(const std::string& directory)
{
    const auto names = sdk::os::list_directory(directory);
    if (!names)
        return names.error();
    for (const auto& name : *names)
        if (auto removed = sdk::os::remove_tree(directory + "/" + name); !removed)
            return removed;
    return {};
}

}  // namespace

sdk::Result<void> make_by_choices(const CatalogueEntry& entry, const std::string& staging, LinkedCall& call,
                                  const std::function<sdk::Result<void>(const CatalogueEntry&, LinkedCall&)>& make)
{
    CatalogueEntry choice = entry;
    choice.others.clear();
    for (auto next = entry.others.begin();; ++next) {
        LinkedCall attempt(call, {});
        auto made = make(choice, attempt);
        if (made || call.cancelled() || next == entry.others.end())
            return made;
        call.warn("source '" + choice.source + "' does not give '" + entry.name + "': " + made.error().message +
                  "; source '" + next->source + "' is asked now");
        if (auto emptied = empty(staging); !emptied)
            return emptied;
        choice.source = next->source;
        choice.recipe = next->recipe;
    }
}

}  // namespace banger::images
