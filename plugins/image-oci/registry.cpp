// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "registry.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <strings.h>
#include <string_view>
#include <thread>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "credentials.hpp"
#include "digest.hpp"
#include "trust.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t most_document_bytes = 16U << 20;
constexpr int most_indexes = 4;
constexpr std::chrono::milliseconds between_locks{50};
constexpr const char* manifest_types =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

bool is_scheme(const std::string& challenge, std::string_view scheme)
{
    return ::strncasecmp(challenge.c_str(), scheme.data(), scheme.size()) == 0;
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

// One writer for each half-made blob, in whichever process. The lock is the open file's.
Result<void> lock(int file, const std::string& path, sdk::Call& call)
{
    while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return sdk::os_error("lock " + path);
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        std::this_thread::sleep_for(between_locks);
    }
    return {};
}

Result<std::uint64_t> size_of(int file, const std::string& path)
{
    struct stat status {};
    if (::fstat(file, &status) != 0)
        return sdk::os_error("look at " + path);
    return static_cast<std::uint64_t>(status.st_size);
}

bool is_at(int file, const std::string& path)
{
    struct stat ours {};
    struct stat there {};
    return ::fstat(file, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

}  // namespace

Registry::Registry(Reference reference, RegistryOptions options)
    : reference_(std::move(reference)), options_(std::move(options)), authority_(authority_for(reference_.registry))
{
    options_.plain = !authority_ && (options_.plain || reference_.loopback());
    base_ = std::string(options_.plain ? "http://" : "https://") + reference_.host() + "/v2/" + reference_.repository;
}

sdk::Error Registry::refused(const HttpAnswer& answer, const std::string& what) const
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
        case 404: return sdk::make_error(Code::not_found, who + " has no " + what);
        case 429:
            return sdk::make_error(Code::unavailable, who + " has been asked too often (" + status + ") for " + what,
                                   answer.retry_after.count() == 0
                                       ? "try again later, or log in: registries allow their users more"
                                       : "it wants to be asked again in " + std::to_string(answer.retry_after.count()) +
                                             " seconds");
        default: return sdk::make_error(Code::unavailable, who + " answers " + status + " for " + what);
    }
}

Result<HttpAnswer> Registry::get(HttpRequest request, sdk::Call& call)
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
    return http_get(request, call);
}

// Source: distribution.github.io/distribution/spec/auth/token.
Result<void> Registry::answer_challenge(const std::string& challenge, sdk::Call& call)
{
    const auto user = credentials_for(reference_.registry);
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
                     url_escaped(parameter(challenge, "service")) + "&scope=" +
                     url_escaped("repository:" + reference_.repository + ":pull");
    auto answer = get({.url = url, .accept = "application/json", .most = most_document_bytes}, call);
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

Result<HttpAnswer> Registry::get_allowed(HttpRequest request, sdk::Call& call)
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
    for (Retry retry(options_.patience);;) {
        auto answer = get_allowed({.url = base_ + path, .accept = accept, .most = most_document_bytes}, call);
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
    for (int depth = 0; depth < most_indexes; ++depth) {
        auto text = document("/manifests/" + wanted, manifest_types, call);
        if (!text)
            return std::move(text).error();
        const auto found = digest_of(*text);
        if (!digest.empty() && found != digest)
            return sdk::make_error(Code::corrupt, "registry " + reference_.registry + " gives another manifest than " + digest);
        auto parsed = parse_manifest(*text, platform, "image '" + reference_.repository + "'");
        if (!parsed)
            return std::move(parsed).error();
        if (parsed->index) {
            digest = wanted = parsed->of_platform.front().digest;
            continue;
        }
        auto path = blob(parsed->manifest.config, call);
        if (!path)
            return std::move(path).error();
        auto config = sdk::os::read_file(*path, most_document_bytes);
        if (!config)
            return std::move(config).error();
        if (digest_of(*config) != parsed->manifest.config.digest) {
            forget(parsed->manifest.config);
            return sdk::make_error(Code::corrupt, "the cached blob " + *path + " is not what its digest says",
                                   "it is removed now; try again");
        }
        return Fetched{found, std::move(parsed->manifest), std::move(*config)};
    }
    return sdk::make_error(Code::corrupt, "the indexes of '" + reference_.repository + "' lead from one to the other");
}

Result<void> Registry::download(const Descriptor& blob, int file, sdk::Call& call,
                                const std::function<void(std::uint64_t)>& arrived)
{
    for (Retry retry(options_.patience);;) {
        const auto have = size_of(file, "blob " + blob.digest);
        if (!have)
            return have.error();
        if (*have == blob.size)
            return {};
        if (*have > blob.size && ::ftruncate(file, 0) != 0)
            return sdk::os_error("shorten the download of " + blob.digest);
        auto answer = get_allowed({.url = base_ + "/blobs/" + blob.digest,
                                   .accept = "*/*",
                                   .most = blob.size,
                                   .from = *have > blob.size ? 0 : *have,
                                   .into = file,
                                   .arrived = arrived},
                                  call);
        if (!answer)
            return std::move(answer).error();
        if (answer->status == 416 && ::ftruncate(file, 0) != 0)  // it has no such part of it
            return sdk::os_error("shorten the download of " + blob.digest);
        if (answer->status / 100 == 2)
            answer->status = 0;
        const auto now = size_of(file, "blob " + blob.digest);
        if (now && *now == blob.size)
            return {};
        if (answer->status == 0 && answer->broken.empty())
            answer->broken = "there are only " + std::to_string(now.value_or(0)) + " of " + std::to_string(blob.size) +
                             " bytes";
        if (!retry.again(*answer, call))
            return call.cancelled() ? sdk::make_error(Code::cancelled, "cancelled")
                                    : refused(*answer, "the blob " + blob.digest);
    }
}

std::string Registry::path_of(const Descriptor& blob) const
{
    return options_.cache + "/" + blob.digest.substr(blob.digest.find(':') + 1);
}

void Registry::forget(const Descriptor& blob) const
{
    (void)sdk::os::remove_file(path_of(blob));
}

Result<std::string> Registry::blob(const Descriptor& blob, sdk::Call& call,
                                   const std::function<void(std::uint64_t)>& arrived)
{
    const auto path = path_of(blob);
    const auto part = path + ".part";
    for (bool resumed = true; resumed;) {
        if (sdk::os::exists(path))
            return path;
        auto file = sdk::os::open_file(part, O_RDWR | O_CREAT | O_APPEND);
        if (!file)
            return std::move(file).error();
        if (auto locked = lock(file->get(), part, call); !locked)
            return std::move(locked).error();
        if (!is_at(file->get(), part))  // another finished or removed it while we waited
            continue;
        const auto before = size_of(file->get(), part);
        if (!before)
            return before.error();
        if (auto done = download(blob, file->get(), call, arrived); !done)
            return std::move(done).error();
        auto found = digest_of_file(part, call);
        if (!found)
            return std::move(found).error();
        if (*found == blob.digest) {
            if (::rename(part.c_str(), path.c_str()) != 0)
                return sdk::os_error("rename " + part);
            return path;
        }
        if (auto removed = sdk::os::remove_file(part); !removed)
            return std::move(removed).error();
        resumed = *before > 0;  // what was there may be what is wrong
    }
    return sdk::make_error(Code::corrupt, "registry " + reference_.registry + " gives other bytes than " + blob.digest);
}

}  // namespace banger::oci
