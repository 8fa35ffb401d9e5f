// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "api_description.hpp"

#include <rapidjson/document.h>
#include <rapidjson/pointer.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>

#include <cstdlib>
#include <map>
#include <string_view>

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {
namespace {

constexpr Version described[] = {{1, 16, 1}, {1, 12, 0}, {1, 8, 0}};

rapidjson::Document read(const Version& version)
{
    const std::string path = std::string(BANGER_FIRECRACKER_API) + "/" + to_string(version) + ".json";
    rapidjson::Document document;
    if (document.Parse(sdk::os::read_file(path).value_or("")).HasParseError() || !document.IsObject())
        std::abort();
    return document;
}

const rapidjson::Document& description_of(const Version& version)
{
    static std::map<Version, rapidjson::Document> documents;
    for (const auto& candidate : described)
        if (candidate <= version) {
            if (!documents.contains(candidate))
                documents.emplace(candidate, read(candidate));
            return documents.at(candidate);
        }
    std::abort();
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

// What is wrong with a body, which is then in `json`.
std::string complaint_by(const rapidjson::Value& schema, const std::string& body, rapidjson::Document& json)
{
    if (json.Parse(body).HasParseError())
        return "the body is no JSON";
    const rapidjson::SchemaDocument compiled(schema);
    rapidjson::SchemaValidator validator(compiled);
    if (json.Accept(validator))
        return {};
    rapidjson::StringBuffer where;
    validator.GetInvalidDocumentPointer().StringifyUriFragment(where);
    return std::string(validator.GetInvalidSchemaKeyword()) + " at " + where.GetString();
}

}  // namespace

std::string complaint(const Version& version, const std::string& verb, const std::string& path, const std::string& body)
{
    std::string id_key;
    std::string id;
    const auto& requests = description_of(version)["requests"];
    const auto schema = requests.FindMember(resource_of(verb, path, id_key, id).c_str());
    if (schema == requests.MemberEnd())
        return "no such resource: " + verb + " " + path;
    if (schema->value.IsNull())
        return body.empty() ? "" : "a body for " + verb + " " + path;
    rapidjson::Document json;
    if (auto wrong = complaint_by(schema->value, body, json); !wrong.empty())
        return wrong;
    if (!id_key.empty() && json[id_key.c_str()].GetString() != id)
        return "the id of the path does not match the one of the body";
    return {};
}

std::string complaint_of_answer(const Version& version, const std::string& verb, const std::string& path, int status,
                                const std::string& body)
{
    const auto& answers = description_of(version)["answers"];
    const bool is_error = status >= 400;
    const auto schema = answers.FindMember(is_error ? "error" : verb + " " + path);
    if (schema == answers.MemberEnd())
        return status == 204 && body.empty() ? "" : "more than 204 for " + verb + " " + path;
    if (!is_error && status != 200)
        return std::to_string(status) + " for " + verb + " " + path;
    rapidjson::Document json;
    return complaint_by(schema->value, body, json);
}

std::vector<std::string> states_of(const Version& version)
{
    std::vector<std::string> states;
    for (const auto& state : description_of(version)["answers"]["GET /"]["properties"]["state"]["enum"].GetArray())
        states.emplace_back(state.GetString());
    return states;
}

}  // namespace banger::firecracker
