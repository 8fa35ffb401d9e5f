// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "registry.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <rapidjson/document.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "credentials.hpp"
#include "digest.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr long connect_seconds = 20;
constexpr long stalled_seconds = 60;
constexpr long most_redirects = 5;
constexpr std::uint64_t most_document_bytes = 16U << 20;
constexpr int most_indexes = 4;
constexpr int attempts = 4;
constexpr const char* manifest_types =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

struct Transfer {
    CURL* handle;
    sdk::Call& call;
    std::string& body;
    int into;
    std::uint64_t left;
    std::optional<sdk::Error> failure;
    std::string challenge;
};

// Bodies of refusals never go into the file.
std::size_t take(char* bytes, std::size_t, std::size_t size, void* self)
{
    auto& transfer = *static_cast<Transfer*>(self);
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    if (size > transfer.left) {
        transfer.failure = sdk::make_error(Code::corrupt, "the registry sends more than it said");
        return 0;
    }
    transfer.left -= size;
    if (transfer.into < 0 || status / 100 != 2) {
        transfer.body.append(bytes, size);
        return size;
    }
    if (auto written = sdk::os::write_all(transfer.into, {bytes, size}); !written) {
        transfer.failure = std::move(written).error();
        return 0;
    }
    return size;
}

std::size_t take_header(char* bytes, std::size_t, std::size_t size, void* self)
{
    constexpr std::string_view name = "www-authenticate:";
    std::string_view line(bytes, size);
    if (line.size() > name.size() && curl_strnequal(bytes, name.data(), name.size()) != 0) {
        line.remove_prefix(name.size());
        line = line.substr(0, line.find_last_not_of("\r\n") + 1);
        static_cast<Transfer*>(self)->challenge = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    }
    return size;
}

int go_on(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return static_cast<Transfer*>(self)->call.cancelled() ? 1 : 0;
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

std::string escaped(const std::string& text)
{
    const std::unique_ptr<char, void (*)(void*)> made(
        curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size())), curl_free);
    return made ? made.get() : "";
}

Result<std::string> digest_of_file(const std::string& path, sdk::Call& call)
{
    auto file = sdk::os::open_file(path, O_RDONLY);
    if (!file)
        return std::move(file).error();
    std::vector<char> buffer(256U << 10);
    Sha256 sum;
    for (;;) {
        if (call.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        const auto got = ::read(file->get(), buffer.data(), buffer.size());
        if (got < 0)
            return sdk::os_error("read " + path);
        if (got == 0)
            return sum.digest();
        sum.add({buffer.data(), static_cast<std::size_t>(got)});
    }
}

}  // namespace

Registry::Registry(Reference reference, std::string cache) : reference_(std::move(reference)), cache_(std::move(cache))
{
    static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)ready;
}

sdk::Error Registry::refused(long status, const std::string& what) const
{
    const auto who = "registry " + reference_.registry;
    switch (status) {
        case 401:
        case 403:
            return sdk::make_error(Code::permission, who + " does not give " + what + " to you (" + std::to_string(status) + ")",
                                   "`docker login " + reference_.registry + "` or `podman login` leaves a password where banger finds it");
        case 404: return sdk::make_error(Code::not_found, who + " has no " + what);
        default:
            return sdk::make_error(Code::unavailable, who + " answers " + std::to_string(status) + " for " + what);
    }
}

Result<Registry::Answer> Registry::get(const std::string& url, const std::string& accept, int into, std::uint64_t from,
                                       std::uint64_t most, sdk::Call& call)
{
    const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(
        curl_slist_append(nullptr, ("Accept: " + accept).c_str()), curl_slist_free_all);
    Answer answer;
    Transfer transfer{handle.get(), call, answer.body, into, most, {}, {}};
    auto* curl = handle.get();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, reference_.loopback() ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, reference_.loopback() ? "http,https" : "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, most_redirects);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stalled_seconds);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
    if (from > 0)
        curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(from) + "-").c_str());
    std::string token;
    std::string user;
    {
        const std::lock_guard lock(mutex_);
        token = token_;
        user = user_;
    }
    // Curl keeps both from another host that a redirect leads to; a header of our own would go there.
    if (!token.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
        curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, token.c_str());
    } else if (!user.empty()) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERPWD, user.c_str());
    }
    const auto status = curl_easy_perform(curl);
    if (call.cancelled())
        return sdk::make_error(Code::cancelled, "cancelled");
    if (transfer.failure)
        return *transfer.failure;
    if (status != CURLE_OK)
        return sdk::make_error(Code::unavailable, "registry " + reference_.registry + " does not answer: " +
                                                      std::string(curl_easy_strerror(status)));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    answer.challenge = std::move(transfer.challenge);
    return answer;
}

// Source: distribution.github.io/distribution/spec/auth/token.
Result<void> Registry::answer_challenge(const std::string& challenge, sdk::Call& call)
{
    const auto user = credentials_for(reference_.registry);
    if (curl_strnequal(challenge.c_str(), "basic", 5) != 0) {
        if (!user)
            return refused(401, "'" + reference_.repository + "'");
        const std::lock_guard lock(mutex_);
        user_ = *user;
        return {};
    }
    const auto realm = parameter(challenge, "realm");
    if (curl_strnequal(challenge.c_str(), "bearer", 6) == 0 || realm.empty())
        return refused(401, "'" + reference_.repository + "'");
    {
        const std::lock_guard lock(mutex_);
        token_.clear();
        user_ = user.value_or(std::string());
    }
    const auto url = realm + (realm.find('?') == std::string::npos ? "?" : "&") + "service=" +
                     escaped(parameter(challenge, "service")) + "&scope=" +
                     escaped("repository:" + reference_.repository + ":pull");
    auto answer = get(url, "application/json", -1, 0, most_document_bytes, call);
    if (!answer)
        return std::move(answer).error();
    if (answer->status != 200)
        return refused(answer->status, "a token for '" + reference_.repository + "'");
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

Result<Registry::Answer> Registry::get_allowed(const std::string& path, const std::string& accept, int into,
                                               std::uint64_t from, std::uint64_t most, sdk::Call& call)
{
    const auto url = std::string(reference_.loopback() ? "http://" : "https://") + reference_.host() + "/v2/" +
                     reference_.repository + path;
    auto answer = get(url, accept, into, from, most, call);
    if (!answer || answer->status != 401 || answer->challenge.empty())
        return answer;
    if (auto answered = answer_challenge(answer->challenge, call); !answered)
        return std::move(answered).error();
    return get(url, accept, into, from, most, call);
}

Result<std::string> Registry::document(const std::string& path, const std::string& accept, sdk::Call& call)
{
    auto answer = get_allowed(path, accept, -1, 0, most_document_bytes, call);
    if (!answer)
        return std::move(answer).error();
    if (answer->status != 200)
        return refused(answer->status, "'" + reference_.repository + "' at " + path);
    return std::move(answer->body);
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
        return Fetched{found, std::move(parsed->manifest), std::move(*config)};
    }
    return sdk::make_error(Code::corrupt, "the indexes of '" + reference_.repository + "' lead from one to the other");
}

Result<std::string> Registry::blob(const Descriptor& blob, sdk::Call& call)
{
    const auto path = cache_ + "/" + blob.digest.substr(blob.digest.find(':') + 1);
    if (sdk::os::exists(path))
        return path;
    const auto part = path + ".part";
    auto file = sdk::os::open_file(part, O_RDWR | O_CREAT | O_APPEND);
    if (!file)
        return std::move(file).error();
    for (int attempt = 0;; ++attempt) {
        struct stat status {};
        if (::fstat(file->get(), &status) != 0)
            return sdk::os_error("look at " + part);
        auto have = static_cast<std::uint64_t>(status.st_size);
        if (have > blob.size && ::ftruncate(file->get(), 0) != 0)
            return sdk::os_error("shorten " + part);
        have = have > blob.size ? 0 : have;
        if (have == blob.size)
            break;
        auto answer = get_allowed("/blobs/" + blob.digest, "*/*", file->get(), have, blob.size - have, call);
        if (answer && answer->status / 100 != 2)
            return refused(answer->status, "the blob " + blob.digest);
        if (answer && have > 0 && answer->status != 206 && ::ftruncate(file->get(), 0) != 0)
            return sdk::os_error("shorten " + part);
        if (!answer && (answer.error().code != Code::unavailable || attempt + 1 >= attempts))
            return std::move(answer).error().while_doing("download " + blob.digest);
        if (answer && attempt + 1 >= attempts)
            return sdk::make_error(Code::unavailable, "registry " + reference_.registry + " cuts off the blob " + blob.digest);
    }
    auto found = digest_of_file(part, call);
    if (!found)
        return std::move(found).error();
    if (*found != blob.digest) {
        (void)sdk::os::remove_file(part);
        return sdk::make_error(Code::corrupt, "registry " + reference_.registry + " gives other bytes than " + blob.digest);
    }
    if (::rename(part.c_str(), path.c_str()) != 0)
        return sdk::os_error("rename " + part);
    return path;
}

}  // namespace banger::oci
