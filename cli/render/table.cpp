// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/table.hpp"

#include <algorithm>

#include "cli/text.hpp"

namespace banger::cli {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t least_column = 4;
constexpr std::size_t leading = 2;  ///< columns that say which and in what state: the last to be cut
constexpr std::size_t legible_leading = 16;
constexpr std::size_t legible = 8;

// What a column needs to be worth its place.
std::size_t least_of(std::size_t index, std::size_t width)
{
    return std::min(width, index < leading ? legible_leading : legible);
}

std::size_t sum_of(const std::vector<std::size_t>& widths)
{
    std::size_t total = widths.empty() ? 0 : gap * (widths.size() - 1);
    for (const auto width : widths)
        total += width;
    return total;
}

// Whole columns go, from the right, until the others can be read.
void drop_columns(std::vector<std::size_t>& widths, std::size_t columns)
{
    std::vector<std::size_t> least;
    for (std::size_t i = 0; i < widths.size(); ++i)
        least.push_back(least_of(i, widths[i]));
    while (least.size() > leading && sum_of(least) > columns)
        least.pop_back();
    widths.resize(least.size());
}

void add_row(std::string& text, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
             std::size_t columns)
{
    std::string line;
    std::size_t at = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const std::string cell = clipped(cells[i], widths[i]);
        line += cell;
        at += width_of(cell);
        if (i + 1 == widths.size())
            break;
        line += std::string(widths[i] - width_of(cell) + gap, ' ');
        at += widths[i] - width_of(cell) + gap;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += (columns > 0 ? clipped(line, columns) : line) + "\n";
}

}  // namespace

void Table::add(std::vector<std::string> cells)
{
    for (auto& cell : cells)
        cell = cell.empty() ? "-" : printable(cell);
    rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t columns) const
{
    std::vector<std::size_t> widths;
    for (const auto& heading : headings_)
        widths.push_back(width_of(heading));
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    if (columns == 0 || widths.empty())
        return widths;
    drop_columns(widths, columns);
    for (std::size_t total = sum_of(widths); total > columns; --total) {
        const auto widest = std::max_element(widths.begin(), widths.end());
        if (*widest <= least_column)
            break;
        --*widest;
    }
    return widths;
}

std::string Table::text(std::size_t columns) const
{
    const auto fitting = widths(columns);
    std::string text;
    add_row(text, headings_, fitting, columns);
    for (const auto& row : rows_)
        add_row(text, row, fitting, columns);
    return text;
}

void Facts::add(std::string name, std::string value)
{
    if (!value.empty())
        facts_.emplace_back(std::move(name), std::move(value));
}

void Facts::add(std::string name, const std::vector<std::string>& values)
{
    std::string text;
    for (const auto& value : values)
        text += (text.empty() ? "" : "\n") + value;
    add(std::move(name), std::move(text));
}

std::string Facts::text(std::size_t columns) const
{
    std::size_t widest = 0;
    for (const auto& [name, value] : facts_)
        widest = std::max(widest, width_of(name));
    const std::size_t column = widest + 1 + gap;
    std::string text;
    for (const auto& [name, value] : facts_) {
        std::string head = name + ":" + std::string(widest - width_of(name) + gap, ' ');
        for (std::size_t at = 0; at <= value.size();) {
            const auto end = std::min(value.find('\n', at), value.size());
            const std::string line = head + printable(std::string_view(value).substr(at, end - at));
            text += (columns > 0 ? clipped(line, columns) : line) + "\n";
            head.assign(column, ' ');
            at = end + 1;
        }
    }
    return text;
}

}  // namespace banger::cli
