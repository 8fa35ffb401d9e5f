// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace banger::store {

/// One prepared statement, run once. Bind in order, then step until it says no.
class Statement {
public:
    Statement(sqlite3* database, std::string_view sql);
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    ~Statement();

    Statement& bind(std::string_view text);
    Statement& bind(std::int64_t number);

    /// True if there is a row to read.
    sdk::Result<bool> step();
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] std::int64_t number(int column) const;

private:
    sqlite3* database_;
    sqlite3_stmt* statement_ = nullptr;
    int bound_ = 0;
    int status_;
};

/// One SQLite connection with banger's pragmas and an up-to-date schema. Not thread-safe: its owner locks it.
class Database {
public:
    /// Opens or creates it and applies the migrations that are missing, each in a transaction of its own.
    /// `corrupt` if the file is no sound database or of a newer banger.
    static sdk::Result<std::unique_ptr<Database>> open(const std::string& path);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    /// Runs `work` in a transaction: all of it happens or nothing.
    sdk::Result<void> transaction(const std::function<sdk::Result<void>()>& work);
    /// Runs statements without parameters or results.
    sdk::Result<void> execute(const char* sql);
    [[nodiscard]] sqlite3* raw() const { return connection_; }

private:
    explicit Database(sqlite3* connection) : connection_(connection) {}
    sdk::Result<void> configure();
    sdk::Result<void> migrate();

    sqlite3* connection_;
};

}  // namespace banger::store
