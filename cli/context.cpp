// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/context.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "cli/daemon_process.hpp"
#include "cli/terminal.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

bool can_overwrite_lines(int descriptor)
{
    const char* term = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    return is_terminal(descriptor) && (term == nullptr || std::string_view(term) != "dumb");
}

// Messages may quote tools of several lines; those stay below the word they belong to.
std::string indented(std::string_view text, std::size_t columns)
{
    std::string safe;
    for (;;) {
        const auto end = std::min(text.find('\n'), text.size());
        safe += printable(text.substr(0, end));
        if (end == text.size())
            return safe;
        safe.append("\n").append(columns, ' ');
        text.remove_prefix(end + 1);
    }
}

}  // namespace

Context::Context(Format format)
    : format_(format),
      colour_(wants_colour(STDOUT_FILENO)),
      colour_errors_(wants_colour(STDERR_FILENO)),
      progress_(STDERR_FILENO, can_overwrite_lines(STDERR_FILENO))
{
}

std::size_t Context::columns() const
{
    return is_terminal(STDOUT_FILENO) ? terminal_size(STDOUT_FILENO).columns : 0;
}

std::size_t Context::error_columns() const
{
    return is_terminal(STDERR_FILENO) ? terminal_size(STDERR_FILENO).columns : 0;
}

sdk::Result<Session*> Context::daemon()
{
    if (session_)
        return session_.get();
    auto client = reach_daemon([this](const std::string& line) { note(line); });
    if (!client)
        return std::move(client).error();
    auto session = Session::open(std::move(*client), progress_);
    if (!session)
        return std::move(session).error();
    session_ = std::make_unique<Session>(std::move(*session));
    return session_.get();
}

sdk::Result<void> Context::print(std::string_view text) const
{
    auto wrote = sdk::os::write_all(STDOUT_FILENO, text);
    if (!wrote)
        wrote.error().during.emplace_back("write the result to standard output");
    return wrote;
}

void Context::note(const std::string& line)
{
    progress_.say(printable(line));
}

void Context::report(const sdk::Error& error)
{
    progress_.clear();
    std::string text;
    if (json()) {
        json::Object object;
        object.set("error", json::from_error(error));
        text = object.text() + "\n";
    } else {
        text = error_text(error, colour_errors_);
    }
    (void)sdk::os::write_all(STDERR_FILENO, text);
}

std::string error_text(const sdk::Error& error, bool colour)
{
    std::string text = std::string(colour ? "\x1b[1;31merror:\x1b[0m " : "error: ") + indented(error.message, 7) + "\n";
    for (const auto& what : error.during)
        text += "  while: " + indented(what, 9) + "\n";
    if (!error.hint.empty())
        text += "  hint:  " + indented(error.hint, 9) + "\n";
    return text;
}

}  // namespace banger::cli
