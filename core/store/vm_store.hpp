// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/model/vm.hpp"
#include "core/store/database.hpp"

namespace banger::store {

/// How long one named step of an operation took. Times are microseconds since the operation began.
struct Span {
    std::string name;
    std::int64_t start_us = 0;
    std::int64_t duration_us = 0;
};

/// One verb that was carried out.
struct OperationLog {
    std::string verb;
    std::string vm;              ///< VM id; empty if it concerned none
    std::int64_t started_us = 0; ///< Unix time
    std::int64_t duration_us = 0;
    std::string outcome;         ///< "ok" or the error's code
    std::vector<Span> spans;
};

/// The durable rows, and a copy of each record beside its VM's disks (`record.json`), from which `vm recover` rebuilds.
/// Threads: every method may be called from any thread; none calls a plugin or waits for anything but the disk.
class VmStore {
public:
    /// `vms_directory` holds one directory per VM. An unusable database makes an unusable store that says why.
    VmStore(std::string database_path, std::string vms_directory);

    /// Why the store cannot be used, if so.
    [[nodiscard]] sdk::Result<void> health() const;

    /// Reserves id and name with a new row. `exists` if the name is taken. Writes no copy: there is no directory yet.
    sdk::Result<void> reserve(const model::VmRecord& record);
    /// Replaces the row, then the copy. `not_found` if there is no such row.
    sdk::Result<void> update(const model::VmRecord& record);
    /// Removes the row. Gone already is success. The copy goes with the directory.
    sdk::Result<void> remove(const std::string& id);

    /// All but those that are hidden; those too.
    [[nodiscard]] sdk::Result<std::vector<model::VmRecord>> list() const;
    [[nodiscard]] sdk::Result<std::vector<model::VmRecord>> list_all() const;
    /// Leaves a VM out of list() and find(), since its deletion was answered and is not over, until it is removed or shown.
    /// In memory alone.
    void hide(const std::string& id);
    void show(const std::string& id);
    /// What a person typed: an id, a name, or an unambiguous id prefix of at least 3 digits, in this order. `not_found`
    /// with the nearest name.
    [[nodiscard]] sdk::Result<model::VmRecord> find(const std::string& reference) const;
    /// Exactly this id, also of one that is hidden: for whoever knows which VM it means. `not_found`.
    [[nodiscard]] sdk::Result<model::VmRecord> find_id(const std::string& id) const;

    sdk::Result<void> record(const OperationLog& operation);
    /// The newest operations first.
    [[nodiscard]] sdk::Result<std::vector<OperationLog>> operations(const std::string& vm, std::size_t most) const;

    /// Moves the database aside (to `<path>.damaged-<time>`) and starts an empty one. Returns the new name of the old.
    sdk::Result<std::string> replace_database();

    /// Reads a copy beside the disks. `corrupt` if it is torn.
    [[nodiscard]] sdk::Result<model::VmRecord> read_copy(const std::string& id) const;
    sdk::Result<void> write_copy(const model::VmRecord& record) const;

private:
    sdk::Result<void> insert(const model::VmRecord& record);
    [[nodiscard]] sdk::Result<std::vector<model::VmRecord>> select(bool hidden_too) const;

    std::string database_path_;
    std::string vms_directory_;
    mutable std::mutex mutex_;
    std::unique_ptr<Database> database_;
    std::optional<sdk::Error> problem_;
    std::set<std::string> hidden_;
};

}  // namespace banger::store
