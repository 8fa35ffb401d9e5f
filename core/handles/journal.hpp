// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "banger/sdk/handle.hpp"
#include "banger/sdk/result.hpp"

namespace banger::handles {

/// What can be done with any handle, whatever its kind. Implemented over the plugin registry; a fake serves tests.
class Operations {
public:
    virtual ~Operations() = default;
    virtual sdk::Result<void> release(const sdk::Handle& handle) = 0;
    virtual sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) = 0;
    /// Everything of this instance that exists now, asked of every provider that is in use.
    virtual sdk::Result<std::vector<sdk::Handle>> list() = 0;
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

/// What one VM holds in the kernel, noted by derived key before it exists there (`handles.json` in the VM's directory).
/// The list is the undo stack: rollback, `vm stop` and crash recovery all walk it backwards.
///
/// Threads: one at a time; the caller holds the VM's operation lock. Crashes: every change is written, synced and
/// renamed before the next thing happens, so the file is never behind the kernel.
class HandleJournal {
public:
    /// Reads the file, or starts empty. A missing or torn file is filled from `operations.list()`: live objects are
    /// found by the names they carry.
    static sdk::Result<HandleJournal> open(const sdk::Owner& owner, Operations& operations);

    [[nodiscard]] Found found() const { return found_; }
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

    /// Notes that the handle is about to exist.
    sdk::Result<void> note_planned(const sdk::Handle& handle);
    /// Notes what was bound under a key that was planned, or adds it.
    sdk::Result<void> note_bound(const sdk::Handle& handle);

    /// Releases all, newest first, to the end, whatever fails on the way. What would not go stays on file.
    std::vector<sdk::Error> release_all();

    /// Releases one, and strikes it out.
    sdk::Result<void> release(const sdk::Handle& handle);

    /// Rolls back, and hands the error on with what is left.
    sdk::Error fail(sdk::Error error, std::string while_doing);

private:
    HandleJournal(sdk::Owner owner, Operations& operations) : owner_(std::move(owner)), operations_(&operations) {}
    sdk::Result<void> write() const;
    sdk::Result<void> note(Entry entry);

    sdk::Owner owner_;
    Operations* operations_;
    std::vector<Entry> entries_;
    Found found_ = Found::sound;
};

/// A journal as its file says, without asking anybody: for show and audit.
struct JournalText {
    Found found = Found::missing;
    std::vector<Entry> entries;
};
JournalText read_journal(const sdk::Owner& owner);

/// The id of this boot of the host (/proc/sys/kernel/random/boot_id, proc(5)).
const std::string& boot_id();

}  // namespace banger::handles
