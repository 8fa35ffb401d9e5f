// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "credentials.hpp"

#include <openssl/evp.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "credential_helper.hpp"

namespace banger::oci {
namespace {

const std::string hub_registry = "docker.io";
const std::string docker_hub_server = "https://index.docker.io/v1/";  // as Docker files its password

std::string variable(const char* name)
{
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): never changed
    return value == nullptr ? std::string() : value;
}

std::optional<std::string> decode(const std::string& text)
{
    std::string bytes(text.size(), '\0');
    const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                       reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0)
        return std::nullopt;
    bytes.resize(static_cast<std::size_t>(length));
    while (!bytes.empty() && bytes.back() == '\0')  // what the padding decodes to
        bytes.pop_back();
    return bytes.find(':') == std::string::npos ? std::nullopt : std::optional(bytes);
}

// Then there is no password beside it.
bool has_identity_token(const rapidjson::Value& entry)
{
    const auto token = entry.FindMember("identitytoken");
    return token != entry.MemberEnd() && token->value.IsString() && token->value.GetStringLength() > 0;
}

// Of namespaces and repositories the longest comes first; then the registry, also with the scheme and the version of the interface
// that Docker has written behind it.
std::vector<std::string> keys_of(const std::string& registry, const std::string& repository)
{
    std::vector<std::string> keys;
    for (auto end = repository.size(); end != std::string::npos && end > 0; end = repository.rfind('/', end - 1))
        keys.push_back(registry + "/" + repository.substr(0, end));
    keys.push_back(registry);
    for (const char* scheme : {"https://", "http://"})
        for (const char* path : {"", "/", "/v1/", "/v2/"})
            keys.push_back(scheme + registry + path);
    if (registry == hub_registry)
        keys.insert(keys.end(), {docker_hub_server, "index.docker.io"});
    return keys;
}

}  // namespace

StoredCredentials credentials_in(const std::string& text, const std::string& registry, const std::string& repository)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject())
        return {};
    const auto keys = keys_of(registry, repository);
    const auto entry_in = [&](const char* member) -> const rapidjson::Value* {
        if (!document.HasMember(member) || !document[member].IsObject())
            return nullptr;
        for (const auto& key : keys)
            if (const auto entry = document[member].FindMember(key); entry != document[member].MemberEnd())
                return &entry->value;
        return nullptr;
    };
    if (const auto* helper = entry_in("credHelpers"); helper != nullptr && helper->IsString())
        return {{}, helper->GetString()};
    if (const auto* entry = entry_in("auths"); entry != nullptr && entry->IsObject())
        if (const auto auth = entry->FindMember("auth");
            auth != entry->MemberEnd() && auth->value.IsString() && !has_identity_token(*entry))
            return {decode(auth->value.GetString()), {}};
    if (document.HasMember("credsStore") && document["credsStore"].IsString())
        return {{}, document["credsStore"].GetString()};
    return {};
}

std::optional<std::string> credentials_for(const std::string& registry, const std::string& repository, sdk::Call& call)
{
    const auto home = variable("HOME");
    const auto docker = variable("DOCKER_CONFIG");
    const auto runtime = variable("XDG_RUNTIME_DIR");
    std::vector<std::string> files{variable("REGISTRY_AUTH_FILE")};
    if (!runtime.empty())
        files.push_back(runtime + "/containers/auth.json");
    files.push_back(home + "/.config/containers/auth.json");
    files.push_back((docker.empty() ? home + "/.docker" : docker) + "/config.json");
    for (const auto& file : files) {
        const auto text = file.empty() ? std::nullopt : std::optional(sdk::os::read_file(file));
        if (!text || !*text)
            continue;
        auto found = credentials_in(**text, registry, repository);
        if (!found.helper.empty())
            found.password =
                ask_credential_helper(found.helper, registry == hub_registry ? docker_hub_server : registry, call);
        if (found.password)
            return found.password;
    }
    return std::nullopt;
}

}  // namespace banger::oci
