// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/machine_shape.hpp"

#include <algorithm>
#include <sstream>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {

std::string host_processor()
{
    std::istringstream lines(os::read_file("/proc/cpuinfo").value_or({}));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("model name"))
            return line.substr(std::min(line.find(':') + 2, line.size()));
    return "unknown";
}

std::string to_text(const MachineShape& shape)
{
    std::string text;
    for (const auto& [what, value] : shape)
        text += what + ": " + value + "\n";
    return text;
}

Result<MachineShape> shape_from_text(const std::string& text)
{
    MachineShape shape;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(": ");
        if (colon == std::string::npos)
            return make_error(Code::corrupt, "a saved machine is described by '" + line + "'");
        shape.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    return shape;
}

Result<void> must_fit(const MachineShape& saved, const MachineShape& wanted)
{
    const auto shown = [](const MachineShape& shape, std::size_t i) {
        return i < shape.size() ? shape[i].first + " " + shape[i].second : std::string("nothing");
    };
    for (std::size_t i = 0; i < std::max(saved.size(), wanted.size()); ++i)
        if (shown(saved, i) != shown(wanted, i))
            return make_error(Code::precondition, "the saved machine has " + shown(saved, i) +
                                                      ", and this one would have " + shown(wanted, i));
    return {};
}

}  // namespace banger::sdk
