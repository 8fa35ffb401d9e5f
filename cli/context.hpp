// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/exit.hpp"
#include "cli/session.hpp"

namespace banger::cli {

enum class Format { table, json };

/// What a verb works with: the terminal and the daemon. One per command line.
class Context {
public:
    explicit Context(Format format);

    [[nodiscard]] bool json() const { return format_ == Format::json; }
    /// Columns for a table on standard output; 0 where it is no terminal, so that nothing is cut.
    [[nodiscard]] std::size_t columns() const;
    [[nodiscard]] std::size_t error_columns() const;  ///< the same for standard error
    [[nodiscard]] bool colour() const { return colour_; }  ///< on standard output

    /// The daemon, started or replaced if need be. The same session each time.
    sdk::Result<Session*> daemon();
    /// The session if there is one already.
    [[nodiscard]] Session* session() { return session_.get(); }
    /// Closes the connection; signals have their ordinary effect again.
    void end_session() { session_.reset(); }

    /// Writes a result to standard output. A reader that went away is no error here: SIGPIPE ends us as it should.
    sdk::Result<void> print(std::string_view text) const;
    /// Prints what the daemon answered: as JSON, or as `table` renders it.
    template <typename Table>
    sdk::Result<Exit> show(const json::Value& value, Table table)
    {
        end_session();
        if (auto printed = print(json() ? json::to_pretty(value) : table()); !printed)
            return std::move(printed).error();
        return Exit(OwnExit::done);
    }

    /// A line for the person, on standard error; printable, for it may quote what a guest says.
    void note(const std::string& line);
    /// An error for the person, or as an object with -o json, on standard error.
    void report(const sdk::Error& error);

    Progress& progress() { return progress_; }

private:
    Format format_;
    bool colour_;
    bool colour_errors_;
    Progress progress_;
    std::unique_ptr<Session> session_;
};

/// "error: …", with its context and hint on lines of their own.
std::string error_text(const sdk::Error& error, bool colour);

}  // namespace banger::cli
