// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Includes toml++ for the places of what it read.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "core/config/setting.hpp"

namespace banger::config {
namespace {

using Path = std::vector<std::string>;

Path path_of(const std::string& key)
{
    Path path;
    for (std::size_t at = 0; at <= key.size();) {
        const auto end = std::min(key.find('.', at), key.size());
        path.push_back(key.substr(at, end - at));
        at = end + 1;
    }
    return path;
}

// Null if there is nothing. Of a table that may be changed what may be changed.
template <typename Table>
auto node_at(Table& root, const Path& path, std::size_t depth) -> decltype(root.get(path.front()))
{
    decltype(root.get(path.front())) node = &root;
    for (std::size_t i = 0; i < depth && node != nullptr; ++i) {
        auto* table = node->as_table();
        node = table == nullptr ? nullptr : table->get(path[i]);
    }
    return node;
}

/// A text whose places are lines and columns, as toml++ counts them: from 1, columns in code points.
class Lines {
public:
    explicit Lines(std::string_view text) : text_(text)
    {
        starts_.push_back(0);
        for (std::size_t i = 0; i < text.size(); ++i)
            if (text[i] == '\n')
                starts_.push_back(i + 1);
    }

    [[nodiscard]] std::size_t offset_of(const toml::source_position& place) const
    {
        std::size_t at = begin_of(place.line);
        // A mark of the byte order counts for nothing.
        if (place.line == 1 && text_.starts_with("\xef\xbb\xbf"))
            at += 3;
        for (auto column = place.column; column > 1 && at < text_.size(); --column) {
            ++at;
            while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0U) == 0x80U)
                ++at;
        }
        return at;
    }
    [[nodiscard]] std::size_t begin_of(std::size_t line) const
    {
        return line == 0 || line > starts_.size() ? text_.size() : starts_[line - 1];
    }
    /// Behind the line's end.
    [[nodiscard]] std::size_t end_of(std::size_t line) const { return begin_of(line + 1); }
    [[nodiscard]] std::string newline() const { return text_.find("\r\n") != std::string_view::npos ? "\r\n" : "\n"; }
    [[nodiscard]] std::string_view text() const { return text_; }

private:
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

std::string inserted(std::string_view text, std::size_t at, const std::string& what)
{
    return std::string(text.substr(0, at)) + what + std::string(text.substr(at));
}

// A new line behind the given one.
std::string with_line(const Lines& lines, std::size_t line, const std::string& content)
{
    const std::size_t at = lines.end_of(line);
    const bool ended = at > 0 && lines.text()[at - 1] == '\n';
    return inserted(lines.text(), at, (ended ? "" : lines.newline()) + content + lines.newline());
}

struct Member {
    const toml::key* key;
    const toml::node* node;
};

// The last value that the table's own lines hold; not what has a header of its own.
std::optional<Member> last_value(const toml::table& table)
{
    std::optional<Member> last;
    for (const auto& [key, node] : table) {
        if (node.is_table() && !node.as_table()->is_inline())
            continue;
        if (node.is_array_of_tables())
            continue;
        if (!last || node.source().begin.line > last->node->source().begin.line)
            last = Member{&key, &node};
    }
    return last;
}

std::string into_inline(const Lines& lines, const toml::table& table, const std::string& assignment)
{
    const std::size_t brace = lines.offset_of(table.source().end) - 1;
    if (table.empty()) {
        const std::size_t open = lines.offset_of(table.source().begin) + 1;
        return std::string(lines.text().substr(0, open)) + " " + assignment + " " +
               std::string(lines.text().substr(brace));
    }
    std::size_t end = 0;
    for (const auto& [key, node] : table)
        end = std::max(end, lines.offset_of(node.source().end));
    return inserted(lines.text(), end, ", " + assignment);
}

std::string appended(const Lines& lines, const Path& path, const std::string& assignment)
{
    std::string header;
    for (std::size_t i = 0; i + 1 < path.size(); ++i)
        header += (i == 0 ? "" : ".") + path[i];
    const std::string newline = lines.newline();
    std::string text(lines.text());
    if (!text.empty() && !text.ends_with('\n'))
        text += newline;
    if (!text.empty())
        text += newline;
    return text + "[" + header + "]" + newline + assignment + newline;
}

// Everywhere the new setting might go, the likeliest place first. Which of them keep the meaning of the rest is tried.
std::vector<std::string> additions(const Lines& lines, const toml::table& root, const Path& path,
                                   const std::string& literal)
{
    const std::string assignment = path.back() + " = " + literal;
    std::vector<std::string> texts;
    const auto* parent = node_at(root, path, path.size() - 1);
    const auto* table = parent == nullptr ? nullptr : parent->as_table();
    if (table != nullptr && table->is_inline())
        texts.push_back(into_inline(lines, *table, assignment));
    else if (table != nullptr) {
        if (const auto last = last_value(*table)) {
            // What stands before the neighbour's last word stands before this one: blanks, or the table's name.
            const auto key = last->key->source().begin;
            const std::size_t begin = lines.begin_of(key.line);
            const std::string before(lines.text().substr(begin, lines.offset_of(key) - begin));
            texts.push_back(with_line(lines, last->node->source().end.line, before + assignment));
        }
        texts.push_back(with_line(lines, table->source().begin.line, assignment));
    }
    texts.push_back(appended(lines, path, assignment));
    return texts;
}

// Without the setting, and without tables that hold nothing else.
void remove(toml::table& root, const Path& path)
{
    for (std::size_t depth = path.size(); depth > 0; --depth) {
        auto* parent = node_at(root, path, depth - 1);
        auto* table = parent == nullptr ? nullptr : parent->as_table();
        const auto* member = table == nullptr ? nullptr : table->get(path[depth - 1]);
        if (member == nullptr)
            continue;
        if (depth == path.size() || (member->is_table() && member->as_table()->empty()))
            table->erase(path[depth - 1]);
    }
}

bool only_that_changed(const toml::table& before, std::string_view text, const Path& path)
{
    const auto parsed = toml::parse(text, std::string_view());
    if (!parsed || node_at(parsed.table(), path, path.size()) == nullptr)
        return false;
    toml::table old_rest = before;
    toml::table new_rest = parsed.table();
    remove(old_rest, path);
    remove(new_rest, path);
    return old_rest == new_rest;
}

// A basic string (toml.io, "String").
std::string quoted(const std::string& text)
{
    constexpr const char* digits = "0123456789ABCDEF";
    std::string literal = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            literal += std::string("\\") + c;
        else if (byte < 0x20 || byte == 0x7F)
            literal += std::string("\\u00") + digits[byte >> 4U] + digits[byte & 15U];
        else
            literal += c;
    }
    return literal + "\"";
}

bool is_value(const std::string& text)
{
    if (text.find_first_of("\r\n") != std::string::npos)
        return false;
    const std::string assignment = "x = " + text;
    const auto parsed = toml::parse(std::string_view(assignment), std::string_view());
    // All of it, and not a value with a remark behind it.
    return parsed && parsed.table().size() == 1 &&
           Lines(assignment).offset_of(parsed.table().get("x")->source().end) == assignment.size();
}

// The text with the setting's value written so; nothing if the file has no place for it.
std::optional<std::string> written(std::string_view text, const toml::table& root, const Path& path,
                                   const std::string& literal)
{
    const Lines lines(text);
    std::vector<std::string> candidates;
    if (const auto* node = node_at(root, path, path.size())) {
        const std::size_t begin = lines.offset_of(node->source().begin);
        const std::size_t end = lines.offset_of(node->source().end);
        candidates.push_back(std::string(text.substr(0, begin)) + literal + std::string(text.substr(end)));
    } else {
        candidates = additions(lines, root, path, literal);
    }
    for (auto& candidate : candidates)
        if (only_that_changed(root, candidate, path))
            return std::move(candidate);
    return std::nullopt;
}

}  // namespace

sdk::Result<std::vector<std::string>> ways_to_set(std::string_view text, const std::string& file,
                                                  const std::string& key, const std::string& value)
{
    const auto parsed = toml::parse(text, std::string_view());
    if (!parsed)
        return sdk::make_error(sdk::Code::invalid, file + ":" + std::to_string(parsed.error().source().begin.line) +
                                                       ": " + std::string(parsed.error().description()));
    if (!is_value(quoted(value)))
        return sdk::make_error(sdk::Code::invalid, "the value of '" + key + "' is no text that TOML can hold",
                               "write UTF-8");
    std::vector<std::string> literals{quoted(value)};
    if (is_value(value))
        literals.insert(literals.begin(), value);
    std::vector<std::string> ways;
    for (const auto& literal : literals)
        if (auto way = written(text, parsed.table(), path_of(key), literal))
            ways.push_back(std::move(*way));
    if (ways.empty())
        return sdk::make_error(sdk::Code::unsupported, "'" + key + "' cannot be written into " + file + " as it stands",
                               "write it there by hand");
    return ways;
}

}  // namespace banger::config
