// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "machine_shape.hpp"

#include <rapidjson/document.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace banger::qemu {
namespace {

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

sdk::MachineShape shape_of(const std::vector<std::string>& argv, const std::string& host_processor)
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

}  // namespace banger::qemu
