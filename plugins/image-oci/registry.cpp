// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "registry.hpp"

#include <rapidjson/document.h>

#include <strings.h>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "credentials.hpp"
#include "blobs/digest.hpp"
#include "blobs/trust.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr int most_registry_indexes = 4;
constexpr const char* manifest_types =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

bool is_scheme(const std::string& challenge, std::string_view scheme)
{
    return ::strncasecmp(challenge.c_str(), scheme.data(), scheme.size()) == 0;
}

// What one place did of its own accord.
bool may_be_elsewhere(Code code)
{
    return code == Code::not_found || code == Code::permission || code == Code::unavailable || code == Code::corrupt;
}

// A parameter of a challenge (RFC 9110, section 11.2).
std::string parameter(const std::string& challenge, const std::string& name)
{
    const auto at = challenge.find(name + "=\"");
    if (at == std::string::npos)
        return {};
    const auto start = at + name.size() + 2;
    return challenge.substr(start, challenge.find('"', start) - start);
}

}  // namespace

Registry::Registry(Reference reference, RegistryOptions options)
    : reference_(std::move(reference)), options_(std::move(options)), cache_(options_.cache),
      authority_(blobs::authority_for(reference_.registry))
{
    options_.plain = !authority_ && (options_.plain || reference_.loopback());
    base_ = std::string(options_.plain ? "http://" : "https://") + reference_.host() + "/v2/" + reference_.repository;
}

sdk::Error Registry::refused(const blobs::HttpAnswer& answer, const std::string& what) const
{
    const auto who = "registry " + reference_.registry;
    const auto status = std::to_string(answer.status);
    switch (answer.status) {
        case 0: return sdk::make_error(Code::unavailable, who + " breaks off at " + what + ": " + answer.broken);
        case 401:
        case 403:
            return sdk::make_error(
                Code::permission, who + " does not give " + what + " to you (" + status + ")",
                "`docker login " + reference_.registry + "` or `podman login` leaves a password where banger finds it");
        case 404: return sdk::make_error(Code::not_found, who + " has not got " + what);
        case 429:
            return sdk::make_error(Code::unavailable, who + " has been asked too often (" + status + ") for " + what,
                                   answer.retry_after.count() == 0
                                       ? "try again later, or log in: registries allow their users more"
                                       : "it wants to be asked again in " + std::to_string(answer.retry_after.count()) +
                                             " seconds");
        default: return sdk::make_error(Code::unavailable, who + " answers " + status + " for " + what);
    }
}

Result<blobs::HttpAnswer> Registry::get(blobs::HttpRequest request, sdk::Call& call)
{
    request.plain = options_.plain;
    request.direct = reference_.loopback();
    request.authority = authority_.value_or(std::string());
    request.stall = options_.patience.stall;
    {
        const std::lock_guard lock(mutex_);
        request.token = token_;
        request.user = user_;
    }
    return blobs::http_get(request, call);
}

Result<blobs::HttpAnswer> Registry::get_token(const std::string& url, sdk::Call& call)
{
    for (blobs::Retry retry(options_.patience);;) {
        auto answer = retry.came(get({.url = url, .accept = "application/json", .most = most_document_bytes}, call));
        if (!answer || !retry.again(*answer, call))
            return answer;
    }
}

// Source: distribution.github.io/distribution/spec/auth/token.
Result<void> Registry::answer_challenge(const std::string& challenge, sdk::Call& call)
{
    const auto user = credentials_for(reference_.registry, reference_.repository, call);
    const auto what = "'" + reference_.repository + "'";
    if (is_scheme(challenge, "basic")) {
        if (!user)
            return refused({.status = 401}, what);
        const std::lock_guard lock(mutex_);
        user_ = *user;
        return {};
    }
    const auto realm = parameter(challenge, "realm");
    if (!is_scheme(challenge, "bearer") || realm.empty())
        return refused({.status = 401}, what);
    {
        const std::lock_guard lock(mutex_);
        token_.clear();
        user_ = user.value_or(std::string());
    }
    const auto url = realm + (realm.find('?') == std::string::npos ? "?" : "&") + "service=" +
                     blobs::url_escaped(parameter(challenge, "service")) + "&scope=" +
                     blobs::url_escaped("repository:" + reference_.repository + ":pull");
    auto answer = get_token(url, call);
    if (!answer)
        return std::move(answer).error();
    if (answer->status != 200)
        return refused(*answer, "a token for " + what);
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(answer->body.data(), answer->body.size());
    if (!document.HasParseError() && document.IsObject())
        for (const char* name : {"token", "access_token"})
            if (document.HasMember(name) && document[name].IsString()) {
                const std::lock_guard lock(mutex_);
                token_ = document[name].GetString();
                return {};
            }
    return sdk::make_error(Code::corrupt, "registry " + reference_.registry + " gives no token");
}

Result<blobs::HttpAnswer> Registry::get_allowed(blobs::HttpRequest request, sdk::Call& call)
{
    auto answer = get(request, call);
    if (!answer || answer->status != 401 || answer->challenge.empty())
        return answer;
    if (auto answered = answer_challenge(answer->challenge, call); !answered)
        return std::move(answered).error();
    return get(std::move(request), call);
}

Result<std::string> Registry::document(const std::string& path, const std::string& accept, sdk::Call& call)
{
    for (blobs::Retry retry(options_.patience);;) {
        auto answer = retry.came(get_allowed({.url = base_ + path, .accept = accept, .most = most_document_bytes}, call));
        if (!answer)
            return std::move(answer).error();
        if (answer->status == 200)
            return std::move(answer->body);
        if (!retry.again(*answer, call))
            return refused(*answer, "'" + reference_.repository + "' at " + path);
    }
}

Result<Fetched> Registry::fetch(const std::string& platform, sdk::Call& call)
{
    std::string digest = reference_.digest;
    std::string wanted = reference_.manifest();
    for (int depth = 0; depth < most_registry_indexes; ++depth) {
        auto text = document("/manifests/" + wanted, manifest_types, call);
        if (!text)
            return std::move(text).error();
        const auto found = blobs::digest_of(*text);
        if (!digest.empty() && found != digest)
            return sdk::make_error(Code::corrupt, "registry " + reference_.registry + " gives another manifest than " + digest);
        auto parsed = parse_manifest(*text, platform, "image '" + reference_.repository + "'");
        if (!parsed)
            return std::move(parsed).error();
        if (parsed->index) {
            digest = wanted = parsed->of_platform.front().digest;
            continue;
        }
        if (parsed->manifest.config.size > most_document_bytes)
            return sdk::make_error(Code::corrupt, "the configuration of '" + reference_.repository + "' has " +
                                                      std::to_string(parsed->manifest.config.size) + " bytes");
        auto path = blob(parsed->manifest.config, call);
        if (!path)
            return std::move(path).error();
        auto config = sdk::os::read_file(*path, most_document_bytes);
        if (!config)
            return std::move(config).error();
        if (blobs::digest_of(*config) != parsed->manifest.config.digest) {
            forget(parsed->manifest.config);
            return sdk::make_error(Code::corrupt, "the cached blob " + *path + " is not what its digest says",
                                   "it is removed now; try again");
        }
        return Fetched{found, std::move(parsed->manifest), std::move(*config)};
    }
    return sdk::make_error(Code::corrupt, "the indexes of '" + reference_.repository + "' lead from one to the other");
}

void Registry::forget(const Descriptor& blob) const
{
    cache_.forget(blob.digest);
}

Result<std::string> Registry::blob(const Descriptor& blob, sdk::Call& call,
                                   const std::function<void(std::uint64_t)>& arrived)
{
    auto path = own_blob(blob, call, arrived);
    if (path || next_ == nullptr || !may_be_elsewhere(path.error().code))
        return path;
    call.warn("registry " + next_->reference_.registry + " is asked, since " + path.error().message);
    return next_->blob(blob, call, arrived);
}

Result<std::string> Registry::own_blob(const Descriptor& blob, sdk::Call& call,
                                       const std::function<void(std::uint64_t)>& arrived)
{
    return cache_.get(blob.digest, "registry " + reference_.registry, call, [&](int file) -> Result<void> {
        auto answer = blobs::download(
            {.url = base_ + "/blobs/" + blob.digest, .accept = "*/*", .arrived = arrived}, blob.size, file,
            options_.patience, [&](blobs::HttpRequest request) { return get_allowed(std::move(request), call); }, call);
        if (!answer)
            return std::move(answer).error();
        if (answer->status == 200)
            return {};
        return refused(*answer, "the blob " + blob.digest);
    });
}

}  // namespace banger::oci
