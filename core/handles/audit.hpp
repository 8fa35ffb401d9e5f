// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/handles/journal.hpp"

namespace banger::handles {

/// One disagreement between what the host has and what the journals and rows say.
struct Finding {
    enum class Kind {
        unclaimed_object,     ///< exists, and no journal names it
        missing_object,       ///< a journal says it exists, and it does not
        unknown_object,       ///< a journal names it, and its provider cannot be asked
        silent_provider,      ///< one in use that cannot be asked what it holds
        unreadable_journal,   ///< handles.json is torn
        stale_socket,         ///< a socket file that nobody listens on
        directory_without_row,
        row_without_directory,
        unfinished_teardown,  ///< its VM is stopped or deleted, and something of it would not go
        unfinished_file,      ///< half made, and nobody makes it any more
        unknown_file,         ///< in banger's directories, and not of its making
    };
    Kind kind;
    std::string what;         ///< one sentence
    std::string vm;           ///< VM id; empty if none
    sdk::Handle handle;       ///< for objects
    std::string path;         ///< for files

    /// Whether `audit --repair` may remove it: kernel objects and stale sockets, never a file that may hold data.
    [[nodiscard]] bool repairable() const
    {
        return kind == Kind::unclaimed_object || kind == Kind::missing_object || kind == Kind::stale_socket;
    }
};

std::string_view to_string(Finding::Kind kind);

/// What one VM's directory and row look like.
struct VmEvidence {
    sdk::Owner owner;
    std::string name;               ///< empty without a row
    bool has_row = false;
    bool has_directory = false;
    bool in_transition = false;     ///< somebody holds its operation lock: no judgement
    std::string unfinished;         ///< what is left of it though it is stopped or deleted; empty if nothing
    JournalText journal;
    std::vector<std::string> stale_sockets;
};

struct Evidence {
    std::vector<VmEvidence> vms;
    std::vector<sdk::Handle> live;            ///< from every provider's list
    std::vector<std::string> unasked;         ///< why a provider could not be asked, one sentence each
    std::vector<std::string> unfinished_files;
    std::vector<std::string> unknown_files;
};

/// Compares both ways. `inspect` asks whether a handle that a journal names exists.
std::vector<Finding> compare(const Evidence& evidence, Operations& operations);

}  // namespace banger::handles
