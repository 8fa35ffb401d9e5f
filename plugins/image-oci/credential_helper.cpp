// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "credential_helper.hpp"

#include <rapidjson/document.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "banger/sdk/os/process.hpp"

namespace banger::oci {
namespace {

constexpr std::chrono::seconds most_time{60};  // a person may have to unlock a keyring
constexpr std::string_view has_none = "credentials not found in native keychain";  // what helpers say on standard output
constexpr std::string_view identity_token = "<token>";  // then the secret is no password

std::string text_of(const rapidjson::Document& document, const char* key)
{
    const auto member = document.FindMember(key);
    return member != document.MemberEnd() && member->value.IsString() ? member->value.GetString() : std::string();
}

}  // namespace

std::optional<std::string> ask_credential_helper(const std::string& name, const std::string& server, sdk::Call& call)
{
    const std::string program = "docker-credential-" + name;
    const auto failed = [&](const std::string& why) {
        call.warn(program + " gives no password for " + server + ": " + why);
        return std::nullopt;
    };
    if (name.find('/') != std::string::npos)
        return failed("its name is no name of a program");
    sdk::os::Command command;
    command.argv = {program, "get"};
    sdk::os::RunLimits limits;
    limits.timeout = most_time;
    limits.cancel_descriptor = call.cancel_descriptor();
    const auto answer = sdk::os::run(std::move(command), server, limits);
    if (!answer)
        return failed(answer.error().message);
    if (answer->status != 0)
        return answer->out.find(has_none) != std::string::npos
                   ? std::nullopt
                   : failed("it ends with status " + std::to_string(answer->status));
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(answer->out.data(), answer->out.size());
    if (document.HasParseError() || !document.IsObject())
        return failed("it says no JSON object");
    const auto user = text_of(document, "Username");
    const auto secret = text_of(document, "Secret");
    if (user.empty() || user == identity_token || secret.empty())
        return failed("it has no name and password");
    return user + ":" + secret;
}

}  // namespace banger::oci
