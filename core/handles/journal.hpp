// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/host.hpp"
#include "banger/sdk/result.hpp"
#include "core/base/synchronized.hpp"

namespace banger::handles {

/// What exists, as far as those who could be asked know.
struct Listing {
    std::vector<sdk::Handle> handles;
    std::vector<sdk::Error> unasked;  ///< one for each provider in use that cannot say what it holds
};

/// What can be done with any handle, whatever its kind. Implemented over the plugin registry; a fake serves tests.
class Operations {
public:
    virtual ~Operations() = default;
    virtual sdk::Result<void> release(const sdk::Handle& handle) = 0;
    virtual sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) = 0;
    /// Everything of this instance that exists now, asked of every provider that may have made some of it.
    virtual Listing list(sdk::Call* call) = 0;
    /// What of it is one VM's. Fails if a provider of that VM cannot be asked.
    virtual sdk::Result<std::vector<sdk::Handle>> list_of(const sdk::Owner& owner) = 0;
};

/// One line of a journal.
struct Entry {
    sdk::Handle handle;
    bool bound = false;  ///< false: planned, and may or may not exist

    [[nodiscard]] bool same_key(const sdk::Handle& other) const
    {
        return handle.kind == other.kind && handle.provider == other.provider && handle.key == other.key;
    }
};

/// How a journal's file was found.
enum class Found {
    sound,
    stale,    ///< written before the host was booted: nothing bound in it exists any more
    missing,
    torn,     ///< not readable as a journal
};

/// A journal as its file says, without asking anybody: for show and audit.
struct JournalText {
    Found found = Found::missing;
    std::vector<Entry> entries;
};
JournalText read_journal(const sdk::Owner& owner);

/// What the journals say, in memory, so that looking at many VMs reads no files. The file is written first, so that it
/// is never behind the memory. Threads: any.
class JournalCache {
public:
    /// From memory, else from the file. What is missing or torn is never kept: the next one looks again.
    [[nodiscard]] JournalText read(const sdk::Owner& owner);
    /// What the file of this VM says from now on.
    void wrote(const sdk::Owner& owner, JournalText text);
    /// The VM is gone.
    void forget(const std::string& vm);

private:
    base::Synchronized<std::map<std::string, JournalText>> journals_;
};

/// What one VM holds in the kernel, noted by derived key before it exists there (`handles.json` in the VM's directory).
/// The list is the undo stack: rollback, `vm stop` and crash recovery all walk it backwards.
///
/// Threads: one at a time; the caller holds the VM's operation lock. Crashes: a key is written, synced and renamed
/// before anything of it exists, so the file names all that may; what was bound may be missing, and is not needed to undo it.
class HandleJournal {
public:
    /// Reads the file, or starts empty. A missing or torn file is filled from `operations.list_of()`: live objects are
    /// found by the names they carry.
    static sdk::Result<HandleJournal> open(const sdk::Owner& owner, Operations& operations, JournalCache& cache);
    /// Of a VM that is being made and holds nothing: an empty one, on file, so that nobody has to ask what it holds.
    static sdk::Result<void> begin(const sdk::Owner& owner, Operations& operations, JournalCache& cache);

    [[nodiscard]] Found found() const { return found_; }
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

    /// Notes that the handle is about to exist.
    sdk::Result<void> note_planned(const sdk::Handle& handle);
    /// Notes what was bound under a key that was planned, or adds it.
    sdk::Result<void> note_bound(const sdk::Handle& handle);
    /// The same of many, written once, or not at all where there are none: somebody waits for each write.
    sdk::Result<void> note_all_planned(const std::vector<sdk::Handle>& handles);
    sdk::Result<void> note_all_bound(const std::vector<sdk::Handle>& handles);

    /// Releases all, newest first, to the end, whatever fails on the way. What would not go stays on file.
    std::vector<sdk::Error> release_all();

    /// The same for the handles of this kind and all that was noted after the first of them; what came before stays.
    std::vector<sdk::Error> release_down_to(std::string_view kind);

    /// Releases one, and strikes it out.
    sdk::Result<void> release(const sdk::Handle& handle);

    /// Rolls back, and hands the error on with what is left.
    sdk::Error fail(sdk::Error error, std::string while_doing);

private:
    HandleJournal(sdk::Owner owner, Operations& operations, JournalCache& cache)
        : owner_(std::move(owner)), operations_(&operations), cache_(&cache)
    {
    }
    sdk::Result<void> write() const;
    void put(Entry entry);
    std::vector<sdk::Error> release_from(std::size_t first);

    sdk::Owner owner_;
    Operations* operations_;
    JournalCache* cache_;
    std::vector<Entry> entries_;
    Found found_ = Found::sound;
};

/// The id of this boot of the host (/proc/sys/kernel/random/boot_id, proc(5)).
const std::string& boot_id();

}  // namespace banger::handles
