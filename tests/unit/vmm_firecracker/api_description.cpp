// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "api_description.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <cstdlib>
#include <string_view>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

const rapidjson::Document& description()
{
    static const rapidjson::Document document = [] {
        rapidjson::Document read;
        if (read.Parse(sdk::os::read_file(BANGER_FIRECRACKER_API).value_or("")).HasParseError() || !read.IsObject())
            std::abort();
        return read;
    }();
    return document;
}

// "PUT /drives/root" as the description has it: "PUT /drives/{drive_id}". Sets the id that the body must have, too.
std::string resource_of(const std::string& verb, const std::string& path, std::string& id_key, std::string& id)
{
    for (const auto& [folder, key] : {std::pair<std::string_view, const char*>{"/drives/", "drive_id"},
                                      {"/network-interfaces/", "iface_id"}})
        if (path.starts_with(folder)) {
            id_key = key;
            id = path.substr(folder.size());
            return verb + " " + std::string(folder) + "{" + key + "}";
        }
    return verb + " " + path;
}

}  // namespace

std::string complaint(const std::string& verb, const std::string& path, const std::string& body)
{
    std::string id_key;
    std::string id;
    const auto& requests = description()["requests"];
    const auto schema = requests.FindMember(resource_of(verb, path, id_key, id).c_str());
    if (schema == requests.MemberEnd())
        return "no such resource: " + verb + " " + path;
    if (schema->value.IsNull())
        return body.empty() ? "" : "a body for " + verb + " " + path;
    rapidjson::Document json;
    if (json.Parse(body).HasParseError())
        return "the body is no JSON";
    const rapidjson::SchemaDocument compiled(schema->value);
    rapidjson::SchemaValidator validator(compiled);
    if (!json.Accept(validator)) {
        rapidjson::StringBuffer where;
        validator.GetInvalidDocumentPointer().StringifyUriFragment(where);
        return std::string(validator.GetInvalidSchemaKeyword()) + " at " + where.GetString();
    }
    if (!id_key.empty() && json[id_key.c_str()].GetString() != id)
        return "the id of the path does not match the one of the body";
    return {};
}

}  // namespace banger::firecracker
