// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::cli {

/// One option of a verb.
struct Option {
    std::string name;   ///< without dashes
    char letter = 0;    ///< its one-letter form; 0 for none
    std::string value;  ///< what stands for the value in the help; empty: a switch
    std::string help;
    std::vector<std::string> choices;  ///< the only values it takes; empty: any
    bool repeated = false;             ///< may be given more than once
};

/// What a verb takes besides options.
struct Operand {
    enum class Count { one, at_least_one, optional, any };  ///< all but `one` only as the last
    std::string name;  ///< as the help shows it, such as "VM"
    Count count = Count::one;
};

struct Example {
    std::string command;
    std::string what;
};

/// Everything that is to know about a verb's command line: read by the parser and by the help.
struct Syntax {
    enum class Tail { none, optional, required };

    std::string path;         ///< "vm run"
    std::string summary;      ///< one line, for the list of verbs
    std::string description;  ///< paragraphs, for its own help; may be empty
    std::vector<Operand> operands;
    Tail tail = Tail::none;  ///< whether words may or must follow `--`
    std::string tail_name = "COMMAND";
    std::vector<Option> options;
    std::vector<Example> examples;
    bool hidden = false;
};

/// The words of one command line, sorted by a Syntax but not yet understood.
class Arguments {
public:
    [[nodiscard]] bool has(const std::string& option) const { return options_.count(option) > 0; }
    [[nodiscard]] std::optional<std::string> value(const std::string& option) const;
    [[nodiscard]] std::vector<std::string> values(const std::string& option) const;
    [[nodiscard]] const std::vector<std::string>& operands() const { return operands_; }
    [[nodiscard]] const std::string& operand(std::size_t index) const { return operands_.at(index); }
    [[nodiscard]] const std::vector<std::string>& tail() const { return tail_; }

private:
    friend sdk::Result<Arguments> sort_arguments(const Syntax& syntax, const std::vector<std::string>& words);
    std::map<std::string, std::vector<std::string>> options_;
    std::vector<std::string> operands_;
    std::vector<std::string> tail_;
};

/// The options that every verb has.
const std::vector<Option>& global_options();

/// Sorts the words after a verb. `invalid`, with the nearest known word as the hint, for whatever the syntax does not
/// have: an unknown option or value, a missing or surplus operand, a command without `--` before it. With --help among
/// the options, missing operands are no error.
sdk::Result<Arguments> sort_arguments(const Syntax& syntax, const std::vector<std::string>& words);

}  // namespace banger::cli
