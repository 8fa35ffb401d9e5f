// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/single_flight.hpp"
#include "core/images/catalogue.hpp"
#include "core/images/linked_call.hpp"
#include "core/images/recipe_identity.hpp"
#include "core/images/shelf.hpp"

namespace banger::images {

/// What tells a collection of images from one of kernels.
template <typename T>
struct Craft {
    std::string word;                              ///< "image" or "kernel"
    const std::vector<CatalogueEntry>* catalogue;  ///< what can be made
    /// The entry of that name, or `not_found` with the nearest.
    std::function<sdk::Result<CatalogueEntry>(const std::string& name)> look_up;
    /// The finished thing in a directory. `corrupt` if it is not whole.
    std::function<sdk::Result<T>(const std::string& directory, const std::string& id)> read;
    /// Fills the staging directory with all that `read` wants, synced, and nothing else.
    std::function<sdk::Result<void>(const CatalogueEntry&, const std::string& id, const std::string& staging,
                                    LinkedCall&)>
        make;
    /// Whether a finished thing goes by this name.
    std::function<bool(const T&, const std::string& name)> is_called;
    /// Of several with one name: whether the first is rather meant than the second. None: the newer one.
    std::function<bool(const T&, const T&)> is_rather_meant = {};
    /// Lets the catalogue say what the recipe does not decide.
    std::function<void(T&, const CatalogueEntry&)> name_it;
};

/// Whether a source can work on this host at all: `unsupported` with its reason and hint, where what it would run would
/// only end with a status.
sdk::Result<void> check_source(const std::string& word, const std::string& name, sdk::Provider& source,
                               sdk::Call& call);

// Errors that both kinds share, outside of the template.
sdk::Error damaged(const std::string& word, const std::string& id, const std::string& directory, const sdk::Error& why);
sdk::Error not_pulled(const std::string& word, const std::string& name, const std::optional<std::string>& older_id);
sdk::Error could_not_make(sdk::Error error, const std::string& word, const std::string& name,
                          const std::string& directory, bool cancelled);

/// Things made from recipes, once each, on a shelf: what ImageStore and KernelStore have in common.
/// Threads: every method may be called from several at once.
template <typename T>
class Collection {
public:
    Collection(std::string directory, Craft<T> craft) : shelf_(std::move(directory)), craft_(std::move(craft)) {}

    [[nodiscard]] sdk::Result<std::vector<T>> list() const
    {
        auto ids = shelf_.ids();
        if (!ids)
            return std::move(ids).error();
        std::vector<T> found;
        for (const std::string& id : *ids) {
            auto item = read(id);
            if (item)
                found.push_back(std::move(*item));
            else if (shelf_.holds(id))  // and not removed while we looked
                found.push_back(broken(id, item.error()));
        }
        return found;
    }

    [[nodiscard]] sdk::Result<T> find(const std::string& name) const
    {
        const auto id = resolve(name);
        if (!id)
            return id.error();
        if (!shelf_.holds(*id))
            return not_pulled(craft_.word, name, older_of(name));
        return read_as(*id, name);
    }

    [[nodiscard]] sdk::Result<T> pull(const std::string& name, sdk::Call& call)
    {
        const auto id = resolve(name);
        if (!id)
            return id.error();
        if (shelf_.holds(*id))
            return read_as(*id, name);
        const auto entry = entry_of(*id, name);
        if (!entry)
            return not_pulled(craft_.word, name, std::nullopt);
        auto made = flights_.run(
            *id, call, [this, entry = *entry, id = *id](sdk::Call& shared) { return make(entry, id, shared); });
        if (made)
            craft_.name_it(*made, *entry);
        else if (made.error().code == sdk::Code::cancelled)
            return could_not_make(std::move(made).error(), craft_.word, entry->name, shelf_.directory(), true);
        return made;
    }

    /// What the entry describes, made now if need be; for entries that no catalogue has.
    [[nodiscard]] sdk::Result<T> obtain(const CatalogueEntry& entry, sdk::Call& call)
    {
        const std::string id = recipe_id(craft_.word, entry);
        if (shelf_.holds(id))
            return read_as(id, entry.name);
        auto made = flights_.run(id, call, [this, entry, id](sdk::Call& shared) { return make(entry, id, shared); });
        if (!made && made.error().code == sdk::Code::cancelled)
            return could_not_make(std::move(made).error(), craft_.word, entry.name, shelf_.directory(), true);
        return made;
    }

    [[nodiscard]] sdk::Result<std::uint64_t> remove(const std::string& name)
    {
        const auto id = resolve(name);
        if (!id)
            return id.error();
        if (!shelf_.holds(*id))
            return not_pulled(craft_.word, name, older_of(name));
        auto freed = shelf_.remove(*id);
        if (!freed)
            return std::move(freed).error().while_doing("delete " + craft_.word + " '" + name + "'");
        return freed;
    }

    void sweep() { shelf_.sweep(); }

private:
    sdk::Result<T> read(const std::string& id) const
    {
        auto item = craft_.read(shelf_.path(id), id);
        if (!item && item.error().code != sdk::Code::unsupported)
            return damaged(craft_.word, id, shelf_.path(id), item.error());
        if (item)
            if (const auto entry = entry_of(id, item->name))
                craft_.name_it(*item, *entry);
        return item;
    }

    sdk::Result<T> read_as(const std::string& id, const std::string& name) const
    {
        auto item = read(id);
        if (item)
            if (const auto entry = entry_of(id, name))
                craft_.name_it(*item, *entry);
        return item;
    }

    // What a name or an id stands for now, pulled or not. The catalogue comes first, so that a name means its present
    // recipe; what the catalogue no longer knows keeps its name for as long as it is there.
    sdk::Result<std::string> resolve(const std::string& name) const
    {
        auto entry = craft_.look_up(name);
        if (entry)
            return recipe_id(craft_.word, *entry);
        if (is_recipe_id(name) && (shelf_.holds(name) || entry_of(name, {})))
            return name;
        if (auto older = older_of(name))
            return *older;
        return std::move(entry).error();
    }

    // What was pulled under this name: of several the newest, unless the craft knows better.
    std::optional<std::string> older_of(const std::string& name) const
    {
        const auto items = list();
        if (!items)
            return std::nullopt;
        const T* newest = nullptr;
        for (const T& item : *items)
            if (craft_.is_called(item, name) && (newest == nullptr || is_rather_meant(item, *newest)))
                newest = &item;
        return newest == nullptr ? std::nullopt : std::optional(newest->id);
    }

    bool is_rather_meant(const T& one, const T& other) const
    {
        return craft_.is_rather_meant ? craft_.is_rather_meant(one, other) : one.created > other.created;
    }

    // The entry with this id; of several the one with this name.
    std::optional<CatalogueEntry> entry_of(const std::string& id, const std::string& name) const
    {
        const CatalogueEntry* found = nullptr;
        for (const CatalogueEntry& entry : *craft_.catalogue)
            if (recipe_id(craft_.word, entry) == id && (found == nullptr || entry.name == name))
                found = &entry;
        return found == nullptr ? std::nullopt : std::optional(*found);
    }

    sdk::Result<T> make(const CatalogueEntry& entry, const std::string& id, sdk::Call& outer)
    {
        if (shelf_.holds(id))  // published since the caller looked
            return read(id);
        LinkedCall call(outer, "make " + craft_.word + " " + entry.name);
        auto made = fill_and_publish(entry, id, call);
        if (!made)
            return could_not_make(std::move(made).error(), craft_.word, entry.name, shelf_.directory(),
                                  call.outer_cancelled());
        return read(id);
    }

    sdk::Result<void> fill_and_publish(const CatalogueEntry& entry, const std::string& id, LinkedCall& call)
    {
        auto staging = shelf_.stage(id);
        if (!staging)
            return std::move(staging).error();
        auto made = craft_.make(entry, id, staging->path(), call);
        if (made && call.cancelled())
            made = sdk::make_error(sdk::Code::cancelled, "cancelled");
        if (made)
            return shelf_.publish(std::move(*staging), id);
        const std::string left = staging->path();
        if (auto discarded = staging->discard(); !discarded)
            made.error().during.push_back("remove " + left + " (" + discarded.error().message + ")");
        return made;
    }

    T broken(const std::string& id, const sdk::Error& why) const
    {
        T item;
        item.id = id;
        if (const auto entry = entry_of(id, {}))
            craft_.name_it(item, *entry);
        item.bytes = allocated_bytes(shelf_.path(id));
        item.problem = why.message;
        return item;
    }

    Shelf shelf_;
    Craft<T> craft_;
    base::SingleFlight<T> flights_;  // last: its end waits for work that uses the others
};

}  // namespace banger::images
