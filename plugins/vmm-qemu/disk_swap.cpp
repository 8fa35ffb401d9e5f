// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_swap.hpp"

#include <rapidjson/document.h>

#include <map>
#include <string>

#include "banger/sdk/json_text.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

/// What QEMU has open, by the names that we gave.
struct Nodes {
    std::map<std::string, std::string> of_device;  ///< the node that each disk's device writes to
    std::map<std::string, std::string> files;      ///< the path of each node for a file
    std::map<std::string, bool> no_flush;          ///< whether a node ignores the guest's flushes

    [[nodiscard]] std::string path_of(const std::string& node) const
    {
        const auto file = files.find(file_node(node));
        return file == files.end() ? "" : file->second;
    }
};

Result<rapidjson::Document> list_from(Monitor& monitor, const char* command, const std::string& arguments = {})
{
    auto answer = monitor.ask(command, arguments);
    if (!answer)
        return std::move(answer).error();
    rapidjson::Document list;
    list.Parse(*answer);
    if (!list.IsArray())
        return make_error(Code::internal, std::string("QEMU answers ") + command + " with no list");
    return list;
}

std::string device_path(const std::string& role)
{
    return "/machine/peripheral/" + role + "/virtio-backend";
}

Result<Nodes> look(Monitor& monitor)
{
    auto blocks = list_from(monitor, "query-block");
    auto named = list_from(monitor, "query-named-block-nodes", R"({"flat":true})");
    if (!blocks || !named)
        return std::move(blocks ? named.error() : blocks.error());
    Nodes nodes;
    for (const auto& block : blocks->GetArray())
        if (block.HasMember("qdev") && block.HasMember("inserted"))
            nodes.of_device[block["qdev"].GetString()] = block["inserted"]["node-name"].GetString();
    for (const auto& node : named->GetArray()) {
        nodes.files[node["node-name"].GetString()] = node["file"].GetString();
        nodes.no_flush[node["node-name"].GetString()] = node["cache"]["no-flush"].GetBool();
    }
    return nodes;
}

// The node that an earlier swap added for the file and then did not use; it holds the file's lock.
std::string left_over(const Nodes& nodes, const sdk::Disk& disk)
{
    for (const auto& [name, path] : nodes.files)
        if (path == disk.path && name.starts_with(disk.role + ".") && name.ends_with(file_node("")))
            return name.substr(0, name.size() - file_node("").size());
    return {};
}

// A name that no node of the machine has now.
std::string new_name(const Nodes& nodes, const std::string& role)
{
    for (unsigned number = 1;; ++number)
        if (std::string name = role + "." + std::to_string(number); !nodes.files.contains(name))
            return name;
}

Result<void> add_node(Monitor& monitor, const std::string& node, const sdk::Disk& disk, bool no_flush)
{
    const std::string cache = std::string(R"("cache":{"direct":false,"no-flush":)") + (no_flush ? "true}" : "false}");
    return monitor.tell("blockdev-add", R"({"driver":)" + sdk::json_string(disk.format) + R"(,"node-name":)" + sdk::json_string(node) +
                                            R"(,"discard":"unmap","backing":null,)" + cache +
                                            R"(,"file":{"driver":"file","node-name":)" + sdk::json_string(file_node(node)) +
                                            R"(,"filename":)" + sdk::json_string(disk.path) +
                                            R"(,"aio":"threads","discard":"unmap",)" + cache + "}}");
}

}  // namespace

Result<void> swap_disks(Monitor& monitor, const std::vector<sdk::Disk>& disks)
{
    auto nodes = look(monitor);
    if (!nodes)
        return std::move(nodes).error();
    std::vector<std::string> added;
    std::string actions;
    Result<void> done;
    for (const auto& disk : disks) {
        const auto place = nodes->of_device.find(device_path(disk.role));
        if (place == nodes->of_device.end()) {
            done = make_error(Code::not_found, "the machine has no disk '" + disk.role + "'");
            break;
        }
        if (nodes->path_of(place->second) == disk.path)
            continue;  // done already
        std::string node = left_over(*nodes, disk);
        if (node.empty()) {
            node = new_name(*nodes, disk.role);
            done = add_node(monitor, node, disk, nodes->no_flush[place->second]);
        }
        if (!done)
            break;
        added.push_back(node);
        actions += std::string(actions.empty() ? "" : ",") + R"({"type":"blockdev-snapshot","data":{"node":)" +
                   sdk::json_string(place->second) + R"(,"overlay":)" + sdk::json_string(node) + "}}";
    }
    if (done && !actions.empty())
        done = monitor.tell("transaction", R"({"actions":[)" + actions + "]}");
    if (!done)
        for (const auto& node : added)
            (void)monitor.tell("blockdev-del", R"({"node-name":)" + sdk::json_string(node) + "}");
    return done;
}

}  // namespace banger::qemu
