// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "machine_shape.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string_view>

#include "banger/sdk/os/file.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

std::string value_of(const std::vector<std::string>& argv, std::string_view option)
{
    const auto at = std::find(argv.begin(), argv.end(), option);
    return at == argv.end() || at + 1 == argv.end() ? std::string() : *(at + 1);
}

std::vector<std::string> values_of(const std::vector<std::string>& argv, std::string_view option)
{
    std::vector<std::string> values;
    for (std::size_t i = 0; i + 1 < argv.size(); ++i)
        if (argv[i] == option)
            values.push_back(argv[i + 1]);
    return values;
}

// The text behind `key=` up to the next comma.
std::string property(const std::string& option, const std::string& key)
{
    const auto at = ("," + option).find("," + key + "=");
    if (at == std::string::npos)
        return {};
    const auto start = at + key.size() + 1;
    return option.substr(start, option.find(',', start) - start);
}

std::string first_word(const std::string& option)
{
    return option.substr(0, option.find(','));
}

// Kind of each link by its id: "stream", "tap", "user". They differ in what they can do for the guest's card.
std::map<std::string, std::string> kinds_of_links(const std::vector<std::string>& argv)
{
    std::map<std::string, std::string> kinds;
    for (const auto& netdev : values_of(argv, "-netdev"))
        kinds[property(netdev, "id")] = first_word(netdev);
    return kinds;
}

// Whether each disk can only be read, by its node's name.
std::map<std::string, bool> read_only_disks(const std::vector<std::string>& argv)
{
    std::map<std::string, bool> disks;
    for (const auto& blockdev : values_of(argv, "-blockdev")) {
        rapidjson::Document options;
        options.Parse(blockdev);
        if (options.IsObject() && options.HasMember("node-name") && options.HasMember("read-only"))
            disks[options["node-name"].GetString()] = options["read-only"].GetBool();
    }
    return disks;
}

std::string devices_of(const std::vector<std::string>& argv)
{
    const auto links = kinds_of_links(argv);
    const auto disks = read_only_disks(argv);
    std::string devices;
    for (const auto& device : values_of(argv, "-device")) {
        std::string shown = first_word(device);
        if (const auto drive = property(device, "drive"); !drive.empty())
            shown += "=" + drive + (disks.contains(drive) && disks.at(drive) ? " (read-only)" : "");
        if (const auto netdev = property(device, "netdev"); !netdev.empty())
            shown += "=" + (links.contains(netdev) ? links.at(netdev) : netdev);
        devices += (devices.empty() ? "" : ", ") + shown;
    }
    return devices;
}

}  // namespace

MachineShape shape_of(const std::vector<std::string>& argv, const std::string& host_processor)
{
    const std::string model = value_of(argv, "-cpu");
    return {
        {"accelerator", first_word(value_of(argv, "-accel"))},
        {"machine", value_of(argv, "-machine")},
        {"processor", model == "host" ? host_processor : model},
        {"processors", value_of(argv, "-smp")},
        {"memory", value_of(argv, "-m") + " MiB"},
        {"devices", devices_of(argv)},
    };
}

std::string host_processor()
{
    std::istringstream lines(sdk::os::read_file("/proc/cpuinfo").value_or({}));
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

sdk::Result<MachineShape> shape_from_text(const std::string& text)
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

sdk::Result<void> must_fit(const MachineShape& saved, const MachineShape& wanted)
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

}  // namespace banger::qemu
