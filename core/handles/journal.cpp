// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/handles/journal.hpp"

#include <algorithm>
#include <iterator>

#include "banger/sdk/os/file.hpp"
#include "core/base/fault.hpp"
#include "core/model/json.hpp"

namespace banger::handles {
namespace {

constexpr std::uint64_t format_version = 1;

std::string path_of(const sdk::Owner& owner)
{
    return owner.directory + "/handles.json";
}

std::string encode(const std::vector<Entry>& entries)
{
    json::Array list;
    for (const auto& entry : entries) {
        json::Object object;
        object.set("kind", entry.handle.kind).set("provider", entry.handle.provider).set("key", entry.handle.key);
        object.set("state", entry.bound ? "bound" : "planned").set("bound", entry.handle.bound);
        list.add(object);
    }
    json::Object object;
    object.set("version", format_version).set("boot_id", boot_id()).set("handles", list);
    return json::to_pretty(object.value());
}

sdk::Result<JournalText> decode(const std::string& text, const sdk::Owner& owner)
{
    auto torn = [] { return sdk::make_error(sdk::Code::corrupt, "the journal is torn"); };
    auto document = json::parse_object(text, "handles.json");
    if (!document || json::uint_or(*document, "version") != format_version)
        return torn();
    const json::Value* list = json::find(*document, "handles");
    if (list == nullptr || !list->IsArray())
        return torn();
    JournalText journal;
    journal.found = json::string_or(*document, "boot_id") == boot_id() ? Found::sound : Found::stale;
    for (const auto& item : list->GetArray()) {
        Entry entry;
        entry.handle.kind = json::string_or(item, "kind");
        entry.handle.provider = json::string_or(item, "provider");
        entry.handle.key = json::string_or(item, "key");
        entry.handle.owner = owner;
        entry.bound = json::string_or(item, "state") == "bound";
        // What was bound in an earlier boot (a pid, a device number) may be anybody's now.
        if (journal.found == Found::sound)
            entry.handle.bound = json::find_fields(item, "bound");
        if (entry.handle.kind.empty() || entry.handle.provider.empty() || entry.handle.key.empty())
            return torn();
        journal.entries.push_back(std::move(entry));
    }
    return journal;
}

}  // namespace

const std::string& boot_id()
{
    static const std::string id = [] {
        auto text = sdk::os::read_file("/proc/sys/kernel/random/boot_id", 128);
        return text ? text->substr(0, text->find('\n')) : std::string("unknown");
    }();
    return id;
}

JournalText read_journal(const sdk::Owner& owner)
{
    auto text = sdk::os::read_file(path_of(owner), 16U << 20U);
    if (!text && text.error().code == sdk::Code::not_found)
        return {Found::missing, {}};
    if (!text)
        return {Found::torn, {}};
    auto journal = decode(*text, owner);
    if (!journal)
        return {Found::torn, {}};
    return *std::move(journal);
}

JournalText JournalCache::read(const sdk::Owner& owner)
{
    {
        const auto journals = journals_.lock();
        if (const auto known = journals->find(owner.vm); known != journals->end())
            return known->second;
    }
    auto text = read_journal(owner);
    // Whoever wrote since then knows better, and has left his own.
    if (text.found == Found::sound || text.found == Found::stale)
        return journals_.lock()->try_emplace(owner.vm, std::move(text)).first->second;
    return text;
}

void JournalCache::wrote(const sdk::Owner& owner, JournalText text)
{
    journals_.lock()->insert_or_assign(owner.vm, std::move(text));
}

void JournalCache::forget(const std::string& vm)
{
    journals_.lock()->erase(vm);
}

sdk::Result<HandleJournal> HandleJournal::open(const sdk::Owner& owner, Operations& operations, JournalCache& cache)
{
    HandleJournal journal(owner, operations, cache);
    auto text = cache.read(owner);
    journal.found_ = text.found;
    journal.entries_ = std::move(text.entries);
    if (journal.found_ == Found::missing || journal.found_ == Found::torn) {
        auto live = operations.list_of(owner);
        if (!live)
            return std::move(live).error().while_doing("rebuild the journal of vm " + owner.vm);
        for (auto& handle : *live)
            journal.entries_.push_back({std::move(handle), true});
        // The VMM holds what the others made, so it must go first: last in the undo stack.
        std::stable_sort(journal.entries_.begin(), journal.entries_.end(), [](const Entry& a, const Entry& b) {
            return !a.handle.kind.starts_with("vmm/") && b.handle.kind.starts_with("vmm/");
        });
    }
    return journal;
}

sdk::Result<void> HandleJournal::begin(const sdk::Owner& owner, Operations& operations, JournalCache& cache)
{
    return HandleJournal(owner, operations, cache).write();
}

sdk::Result<void> HandleJournal::write() const
{
    if (auto fault = base::fault::reach("journal write"); !fault)
        return fault;
    if (auto wrote = sdk::os::write_file_atomic(path_of(owner_), encode(entries_)); !wrote)
        return wrote;
    cache_->wrote(owner_, {Found::sound, entries_});
    return {};
}

void HandleJournal::put(Entry entry)
{
    const auto same = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const Entry& old) { return old.same_key(entry.handle); });
    if (same != entries_.end())
        *same = std::move(entry);
    else
        entries_.push_back(std::move(entry));
}

sdk::Result<void> HandleJournal::note_planned(const sdk::Handle& handle)
{
    return note_all_planned({handle});
}

sdk::Result<void> HandleJournal::note_bound(const sdk::Handle& handle)
{
    return note_all_bound({handle});
}

sdk::Result<void> HandleJournal::note_all_planned(const std::vector<sdk::Handle>& handles)
{
    if (handles.empty())
        return {};
    auto before = entries_;
    for (const auto& handle : handles)
        put({handle, false});
    auto wrote = write();
    if (!wrote)
        entries_ = std::move(before);
    return wrote;
}

// They exist also where their note does not reach the disk: they stay in hand, so that the walk back undoes them.
sdk::Result<void> HandleJournal::note_all_bound(const std::vector<sdk::Handle>& handles)
{
    for (const auto& handle : handles)
        put({handle, true});
    return handles.empty() ? sdk::Result<void>() : write();
}

std::vector<sdk::Error> HandleJournal::release_all()
{
    return release_from(0);
}

std::vector<sdk::Error> HandleJournal::release_down_to(std::string_view kind)
{
    const auto first = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return entry.handle.kind == kind; });
    if (first == entries_.end())
        return {};
    return release_from(static_cast<std::size_t>(first - entries_.begin()));
}

std::vector<sdk::Error> HandleJournal::release_from(std::size_t first)
{
    std::vector<sdk::Error> left;
    std::vector<Entry> kept;
    while (entries_.size() > first) {
        auto released = operations_->release(entries_.back().handle);
        if (!released) {
            left.push_back(std::move(released).error().while_doing("release " + entries_.back().handle.kind + " " +
                                                                   entries_.back().handle.key));
            kept.insert(kept.begin(), entries_.back());
        }
        entries_.pop_back();
    }
    entries_.insert(entries_.end(), std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end()));
    if (auto wrote = write(); !wrote)
        left.push_back(std::move(wrote).error().while_doing("write the journal"));
    return left;
}

sdk::Result<void> HandleJournal::release(const sdk::Handle& handle)
{
    if (auto released = operations_->release(handle); !released)
        return released;
    std::erase_if(entries_, [&](const Entry& entry) { return entry.same_key(handle); });
    return write();
}

sdk::Error HandleJournal::fail(sdk::Error error, std::string while_doing)
{
    error.during.push_back(std::move(while_doing));
    for (auto& left : release_all())
        error.during.push_back("left behind: " + left.message);
    return error;
}

}  // namespace banger::handles
