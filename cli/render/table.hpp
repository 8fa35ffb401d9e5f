// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace banger::cli {

/// Rows under headings. Where the width is limited the widest columns are cut ("…"), and columns on the right left
/// out where that would leave nothing legible, never a line cut in the middle of a cell; elsewhere everything is
/// printed whole.
class Table {
public:
    explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

    void add(std::vector<std::string> cells);

    /// `columns`: width of the terminal, 0 for no limit.
    [[nodiscard]] std::string text(std::size_t columns) const;

private:
    [[nodiscard]] std::vector<std::size_t> widths(std::size_t columns) const;

    std::vector<std::string> headings_;
    std::vector<std::vector<std::string>> rows_;
};

/// Names and values, one pair in a line; a value of several lines continues below itself. Pairs without a value are
/// left out.
class Facts {
public:
    void add(std::string name, std::string value);
    void add(std::string name, const std::vector<std::string>& values);
    [[nodiscard]] std::string text(std::size_t columns) const;

private:
    std::vector<std::pair<std::string, std::string>> facts_;
};

}  // namespace banger::cli
