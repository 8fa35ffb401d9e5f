// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/store/vm_store.hpp"

#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "core/base/fault.hpp"
#include "core/base/lock_order.hpp"
#include "core/base/nearest.hpp"

namespace banger::store {
namespace {

// Held while the database is used, and for nothing else.
class Locked {
public:
    explicit Locked(std::mutex& mutex) : held_(mutex) {}

private:
    base::lock_order::Leaf leaf_;
    std::lock_guard<std::mutex> held_;
};

// Enough to explain recent times; older ones go as new ones come.
constexpr std::int64_t operations_kept = 2000;

sdk::Result<model::VmRecord> read_record(const std::string& text)
{
    auto value = json::parse_object(text, "a VM's record");
    if (!value)
        return std::move(value).error();
    return model::record_from_json(*value);
}

}  // namespace

VmStore::VmStore(std::string database_path, std::string vms_directory)
    : database_path_(std::move(database_path)), vms_directory_(std::move(vms_directory))
{
    auto database = Database::open(database_path_);
    if (database)
        database_ = std::move(*database);
    else
        problem_ = std::move(database).error();
    if (auto records = list_all(); !records)
        problem_ = std::move(records).error();
}

sdk::Result<void> VmStore::health() const
{
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    return {};
}

sdk::Result<void> VmStore::insert(const model::VmRecord& record)
{
    Statement insert(database_->raw(), "INSERT INTO vms (id, name, record) VALUES (?, ?, ?)");
    auto done = insert.bind(record.id).bind(record.name).bind(model::to_json(record).text()).step();
    if (!done && done.error().code == sdk::Code::exists)
        return sdk::make_error(sdk::Code::exists, "there is a vm named '" + record.name + "' already",
                               "choose another name, or `banger vm delete " + record.name + "` first");
    if (!done)
        return std::move(done).error();
    return {};
}

sdk::Result<void> VmStore::reserve(const model::VmRecord& record)
{
    if (auto fault = base::fault::reach("reserve a row"); !fault)
        return fault;
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    return insert(record);
}

sdk::Result<void> VmStore::update(const model::VmRecord& record)
{
    if (auto fault = base::fault::reach("update a row"); !fault)
        return fault;
    {
        const Locked lock(mutex_);
        if (problem_)
            return *problem_;
        Statement update(database_->raw(), "UPDATE vms SET name = ?, record = ? WHERE id = ? RETURNING id");
        auto row = update.bind(record.name).bind(model::to_json(record).text()).bind(record.id).step();
        if (!row)
            return std::move(row).error();
        if (!*row)
            return sdk::make_error(sdk::Code::not_found, "there is no record of vm '" + record.name + "'");
        if (auto end = update.step(); !end)
            return std::move(end).error();
    }
    return write_copy(record);
}

sdk::Result<void> VmStore::remove(const std::string& id)
{
    if (auto fault = base::fault::reach("remove a row"); !fault)
        return fault;
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    Statement remove(database_->raw(), "DELETE FROM vms WHERE id = ?");
    if (auto done = remove.bind(id).step(); !done)
        return std::move(done).error();
    hidden_.erase(id);
    return {};
}

void VmStore::hide(const std::string& id)
{
    const Locked lock(mutex_);
    hidden_.insert(id);
}

void VmStore::show(const std::string& id)
{
    const Locked lock(mutex_);
    hidden_.erase(id);
}

sdk::Result<std::vector<model::VmRecord>> VmStore::list() const
{
    return select(false);
}

sdk::Result<std::vector<model::VmRecord>> VmStore::list_all() const
{
    return select(true);
}

sdk::Result<std::vector<model::VmRecord>> VmStore::select(bool hidden_too) const
{
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    std::vector<model::VmRecord> records;
    Statement select(database_->raw(), "SELECT record FROM vms ORDER BY name");
    for (;;) {
        auto row = select.step();
        if (!row)
            return std::move(row).error();
        if (!*row)
            return records;
        auto record = read_record(select.text(0));
        if (!record)
            return sdk::make_error(sdk::Code::corrupt,
                                   "the database " + database_path_ + " is damaged: " + record.error().message,
                                   "`banger vm recover --replace-database` moves it aside and rebuilds it from the "
                                   "records beside the disks");
        if (hidden_too || !hidden_.contains(record->id))
            records.push_back(std::move(*record));
    }
}

sdk::Result<model::VmRecord> VmStore::find(const std::string& reference) const
{
    auto records = list();
    if (!records)
        return std::move(records).error();
    constexpr std::size_t shortest_prefix = 3;
    std::vector<const model::VmRecord*> by_prefix;
    bool begins_an_id = false;
    std::vector<std::string> names;
    // An id is said by programs, and always means that one VM.
    for (const auto& record : *records)
        if (record.id == reference)
            return record;
    for (const auto& record : *records) {
        if (record.name == reference)
            return record;
        const bool begins = !reference.empty() && record.id.starts_with(reference);
        if (begins && reference.size() >= shortest_prefix)
            by_prefix.push_back(&record);
        begins_an_id = begins_an_id || begins;
        names.push_back(record.name);
    }
    if (by_prefix.size() == 1)
        return *by_prefix.front();
    if (by_prefix.size() > 1)
        return sdk::make_error(sdk::Code::invalid, "'" + reference + "' is the beginning of more than one vm's id",
                               "give more digits, or the name");
    std::string hint = "`banger vm list` shows all";
    if (begins_an_id)
        hint = "the beginning of an id takes at least 3 digits; " + hint;
    if (const auto near = base::nearest(reference, names))
        hint = "did you mean '" + *near + "'? " + hint;
    return sdk::make_error(sdk::Code::not_found, "there is no vm '" + reference + "'", hint);
}

sdk::Result<model::VmRecord> VmStore::find_id(const std::string& id) const
{
    auto records = list_all();
    if (!records)
        return std::move(records).error();
    for (auto& record : *records)
        if (record.id == id)
            return std::move(record);
    return sdk::make_error(sdk::Code::not_found, "there is no vm with the id " + id);
}

sdk::Result<void> VmStore::record(const OperationLog& operation)
{
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    return database_->transaction([&]() -> sdk::Result<void> {
        Statement insert(database_->raw(),
                         "INSERT INTO operations (verb, vm, started_us, duration_us, outcome) "
                         "VALUES (?, ?, ?, ?, ?) RETURNING id");
        auto row = insert.bind(operation.verb)
                       .bind(operation.vm)
                       .bind(operation.started_us)
                       .bind(operation.duration_us)
                       .bind(operation.outcome)
                       .step();
        if (!row)
            return std::move(row).error();
        const std::int64_t id = insert.number(0);
        if (auto end = insert.step(); !end)
            return std::move(end).error();
        for (const auto& span : operation.spans) {
            Statement add(database_->raw(),
                          "INSERT INTO spans (operation, name, start_us, duration_us) VALUES (?, ?, ?, ?)");
            if (auto done = add.bind(id).bind(span.name).bind(span.start_us).bind(span.duration_us).step(); !done)
                return std::move(done).error();
        }
        Statement trim(database_->raw(), "DELETE FROM operations WHERE id <= ?");
        if (auto done = trim.bind(id - operations_kept).step(); !done)
            return std::move(done).error();
        return {};
    });
}

sdk::Result<std::vector<OperationLog>> VmStore::operations(const std::string& vm, std::size_t most) const
{
    const Locked lock(mutex_);
    if (problem_)
        return *problem_;
    std::vector<OperationLog> found;
    Statement select(database_->raw(),
                     "SELECT id, verb, vm, started_us, duration_us, outcome FROM operations "
                     "WHERE vm = ?1 OR ?1 = '' ORDER BY id DESC LIMIT ?2");
    select.bind(vm).bind(static_cast<std::int64_t>(most));
    for (;;) {
        auto row = select.step();
        if (!row)
            return std::move(row).error();
        if (!*row)
            return found;
        OperationLog operation{select.text(1), select.text(2), select.number(3), select.number(4), select.text(5), {}};
        Statement spans(database_->raw(),
                        "SELECT name, start_us, duration_us FROM spans WHERE operation = ? ORDER BY start_us");
        spans.bind(select.number(0));
        for (auto span = spans.step(); span && *span; span = spans.step())
            operation.spans.push_back({spans.text(0), spans.number(1), spans.number(2)});
        found.push_back(std::move(operation));
    }
}

sdk::Result<std::string> VmStore::replace_database()
{
    const Locked lock(mutex_);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    const std::string aside = database_path_ + ".damaged-" + std::to_string(seconds);
    database_.reset();
    problem_ = sdk::make_error(sdk::Code::corrupt, "the database " + database_path_ + " could not be replaced");
    for (const char* suffix : {"", "-wal", "-shm"}) {
        const std::string from = database_path_ + suffix;
        if (sdk::os::exists(from) && ::rename(from.c_str(), (aside + suffix).c_str()) != 0)
            return sdk::os_error("move " + from + " aside");
    }
    auto database = Database::open(database_path_);
    if (!database) {
        problem_ = database.error();
        return std::move(database).error();
    }
    database_ = std::move(*database);
    problem_.reset();
    return aside;
}

sdk::Result<model::VmRecord> VmStore::read_copy(const std::string& id) const
{
    auto text = sdk::os::read_file(vms_directory_ + "/" + id + "/record.json", 1U << 20U);
    if (!text)
        return std::move(text).error();
    auto record = read_record(*text);
    if (record && record->id != id)
        return sdk::make_error(sdk::Code::corrupt, "record.json in " + id + " belongs to vm " + record->id);
    return record;
}

sdk::Result<void> VmStore::write_copy(const model::VmRecord& record) const
{
    if (auto fault = base::fault::reach("write a copy of a record"); !fault)
        return fault;
    return sdk::os::write_file_atomic(vms_directory_ + "/" + record.id + "/record.json",
                                      json::to_pretty(model::to_json(record).value()));
}

}  // namespace banger::store
