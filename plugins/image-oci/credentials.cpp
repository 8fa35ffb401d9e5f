// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "credentials.hpp"

#include <openssl/evp.h>
#include <rapidjson/document.h>

#include <cstdlib>
#include <vector>

#include "banger/sdk/os/file.hpp"

namespace banger::oci {
namespace {

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

}  // namespace

std::optional<std::string> credentials_in(const std::string& text, const std::string& registry)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError() || !document.IsObject() || !document.HasMember("auths") || !document["auths"].IsObject())
        return std::nullopt;
    std::vector<std::string> keys{registry, "https://" + registry, "http://" + registry};
    if (registry == "docker.io")
        keys.insert(keys.end(), {"https://index.docker.io/v1/", "index.docker.io"});
    for (const auto& key : keys) {
        const auto entry = document["auths"].FindMember(key);
        if (entry == document["auths"].MemberEnd() || !entry->value.IsObject())
            continue;
        const auto auth = entry->value.FindMember("auth");
        if (auth != entry->value.MemberEnd() && auth->value.IsString())
            return decode(auth->value.GetString());
    }
    return std::nullopt;
}

std::optional<std::string> credentials_for(const std::string& registry)
{
    const auto home = variable("HOME");
    const auto docker = variable("DOCKER_CONFIG");
    const auto runtime = variable("XDG_RUNTIME_DIR");
    std::vector<std::string> files{variable("REGISTRY_AUTH_FILE")};
    if (!runtime.empty())
        files.push_back(runtime + "/containers/auth.json");
    files.push_back(home + "/.config/containers/auth.json");
    files.push_back((docker.empty() ? home + "/.docker" : docker) + "/config.json");
    for (const auto& file : files)
        if (const auto text = file.empty() ? std::nullopt : std::optional(sdk::os::read_file(file)); text && *text)
            if (auto found = credentials_in(**text, registry))
                return found;
    return std::nullopt;
}

}  // namespace banger::oci
