// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/store/database.hpp"

#include <sqlite3.h>

#include <array>

namespace banger::store {
namespace {

// Numbered by position, counted in PRAGMA user_version. Never change one that was released: add the next.
constexpr std::array<const char*, 1> migrations{{
    R"sql(
        CREATE TABLE vms (
            id      TEXT PRIMARY KEY,
            name    TEXT NOT NULL UNIQUE,
            record  TEXT NOT NULL
        ) STRICT;
        CREATE TABLE operations (
            id          INTEGER PRIMARY KEY AUTOINCREMENT,
            verb        TEXT NOT NULL,
            vm          TEXT NOT NULL,
            started_us  INTEGER NOT NULL,
            duration_us INTEGER NOT NULL,
            outcome     TEXT NOT NULL
        ) STRICT;
        CREATE TABLE spans (
            operation   INTEGER NOT NULL REFERENCES operations (id) ON DELETE CASCADE,
            name        TEXT NOT NULL,
            start_us    INTEGER NOT NULL,
            duration_us INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX spans_by_operation ON spans (operation);
        CREATE INDEX operations_by_vm ON operations (vm, id);
    )sql",
}};

sdk::Error database_error(sqlite3* database, int status, const std::string& while_doing)
{
    const bool damaged = status == SQLITE_CORRUPT || status == SQLITE_NOTADB;
    const bool full = status == SQLITE_FULL;
    const auto code = damaged ? sdk::Code::corrupt
                      : full  ? sdk::Code::no_space
                      : status == SQLITE_BUSY ? sdk::Code::busy
                      : status == SQLITE_CONSTRAINT ? sdk::Code::exists
                                                    : sdk::Code::internal;
    return sdk::make_error(code, "the database cannot " + while_doing + ": " +
                                     (database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(status)));
}

sdk::Error damaged(const std::string& path, const std::string& why)
{
    return sdk::make_error(sdk::Code::corrupt, "the database " + path + " is damaged: " + why,
                           "`banger vm recover --replace-database` moves it aside and rebuilds it from the records "
                           "beside the disks");
}

}  // namespace

Statement::Statement(sqlite3* database, std::string_view sql)
    : database_(database),
      status_(sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr))
{
}

Statement::~Statement()
{
    sqlite3_finalize(statement_);
}

Statement& Statement::bind(std::string_view text)
{
    if (status_ == SQLITE_OK)
        status_ = sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
}

Statement& Statement::bind(std::int64_t number)
{
    if (status_ == SQLITE_OK)
        status_ = sqlite3_bind_int64(statement_, ++bound_, number);
    return *this;
}

sdk::Result<bool> Statement::step()
{
    if (status_ == SQLITE_OK || status_ == SQLITE_ROW)
        status_ = sqlite3_step(statement_);
    if (status_ == SQLITE_ROW)
        return true;
    if (status_ == SQLITE_DONE)
        return false;
    return database_error(database_, status_ & 0xff, "carry out a statement");
}

std::string Statement::text(int column) const
{
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes == nullptr ? std::string()
                            : std::string(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

std::int64_t Statement::number(int column) const
{
    return sqlite3_column_int64(statement_, column);
}

sdk::Result<std::unique_ptr<Database>> Database::open(const std::string& path)
{
    sqlite3* connection = nullptr;
    const int status =
        sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        nullptr);
    std::unique_ptr<Database> database(new Database(connection));
    if (status != SQLITE_OK)
        return database_error(connection, status, "be opened (" + path + ")");
    auto ready = database->configure();
    if (ready)
        ready = database->migrate();
    if (!ready && ready.error().code == sdk::Code::corrupt)
        return damaged(path, ready.error().message);
    if (!ready)
        return std::move(ready).error().while_doing("open " + path);
    return database;
}

Database::~Database()
{
    sqlite3_close(connection_);
}

sdk::Result<void> Database::execute(const char* sql)
{
    const int status = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
    if (status != SQLITE_OK)
        return database_error(connection_, status & 0xff, "carry out a statement");
    return {};
}

// Pragmas hold for one connection, so every one that is opened comes through here (sqlite.org/pragma.html).
sdk::Result<void> Database::configure()
{
    sqlite3_busy_timeout(connection_, 5000);
    sqlite3_extended_result_codes(connection_, 0);
    if (auto set = execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                           "PRAGMA cache_size = -512;");
        !set)
        return set;
    Statement check(connection_, "PRAGMA quick_check(1)");
    auto row = check.step();
    if (!row)
        return std::move(row).error();
    if (*row && check.text(0) != "ok")
        return sdk::make_error(sdk::Code::corrupt, check.text(0));
    return {};
}

sdk::Result<void> Database::migrate()
{
    std::int64_t version = 0;
    {
        Statement ask(connection_, "PRAGMA user_version");
        auto row = ask.step();
        if (!row)
            return std::move(row).error();
        version = ask.number(0);
    }
    if (version > static_cast<std::int64_t>(migrations.size()))
        return sdk::make_error(sdk::Code::precondition, "the database was written by a newer banger",
                               "install that version again, or use another BANGER_HOME");
    for (auto next = static_cast<std::size_t>(version); next < migrations.size(); ++next) {
        auto applied = transaction([&]() -> sdk::Result<void> {
            if (auto made = execute(migrations[next]); !made)
                return made;
            return execute(("PRAGMA user_version = " + std::to_string(next + 1)).c_str());
        });
        if (!applied)
            return std::move(applied).error().while_doing("apply migration " + std::to_string(next + 1));
    }
    return {};
}

sdk::Result<void> Database::transaction(const std::function<sdk::Result<void>()>& work)
{
    if (auto begun = execute("BEGIN IMMEDIATE"); !begun)
        return begun;
    auto done = work();
    if (done)
        done = execute("COMMIT");
    if (!done)
        (void)execute("ROLLBACK");
    return done;
}

}  // namespace banger::store
