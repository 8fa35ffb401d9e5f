// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/render/reach.hpp"

#include "cli/render/table.hpp"
#include "cli/render/values.hpp"

namespace banger::cli {
namespace {

std::string joined(const json::Value& of, const char* key)
{
    std::string text;
    for (const auto& word : json::find_strings(of, key))
        text += (text.empty() ? "" : " ") + word;
    return text;
}

std::string place_of(const json::Value& port, const std::string& address)
{
    const auto number = json::uint_or(port, "host_port");
    const std::string problem = json::string_or(port, "problem");
    if (number == 0)
        return problem.empty() ? "" : "not here: " + problem;
    return address + ":" + std::to_string(number) + (problem.empty() ? "" : " (" + problem + ")");
}

}  // namespace

std::string dns_page(const json::Value& status, std::size_t columns)
{
    Facts facts;
    for (const char* key : {"address", "port"})
        facts.add(key, value_text(status, key));
    if (value_text(status, "port") != value_text(status, "wanted_port"))
        facts.add("wanted port", value_text(status, "wanted_port") + ", which something else has");
    facts.add("zone", value_text(status, "zone"));
    std::vector<std::string> lines;
    if (const json::Value* names = json::find(status, "names"); names != nullptr && names->IsArray())
        for (const auto& name : names->GetArray())
            lines.push_back(json::string_or(name, "name") + " " + joined(name, "addresses"));
    facts.add("names", lines);
    return facts.text(columns);
}

std::string ports_page(const json::Value& ports, std::size_t columns)
{
    Table table({"PORT", "LISTENS ON", "PROCESS", "HERE", "LINK"});
    const std::string address = json::string_or(ports, "address");
    if (const json::Value* list = json::find(ports, "ports"); list != nullptr && list->IsArray())
        for (const auto& port : list->GetArray())
            table.add({value_text(port, "port"), joined(port, "addresses"), json::string_or(port, "process"),
                       place_of(port, address), json::string_or(port, "url")});
    const auto most = json::uint_or(ports, "most_connections");
    if (most == 0 || json::uint_or(ports, "connections") < most)
        return table.text(columns);
    return table.text(columns) + "there are " + std::to_string(most) +
           " connections, the most there can be: others wait until one ends\n";
}

}  // namespace banger::cli
