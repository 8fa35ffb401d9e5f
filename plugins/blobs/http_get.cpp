// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "http_get.hpp"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::blobs {
namespace {

using sdk::Code;
using sdk::Result;

constexpr long connect_seconds = 20;
constexpr long most_redirects = 5;
constexpr long found = 200;
constexpr long found_the_rest = 206;
constexpr long wants_proxy_password = 407;
constexpr std::size_t most_refusal_bytes = 64U << 10;  // of what comes in place of what was asked for

// The variable that curl takes a proxy from, unless no_proxy says otherwise (curl(1), "ENVIRONMENT"). HTTP_PROXY is none of
// them, since a web server sets it for its programs.
std::string proxy_variable(const std::string& url)
{
    const bool is_https = url.starts_with("https:");
    for (const char* name : {is_https ? "https_proxy" : "http_proxy", is_https ? "HTTPS_PROXY" : "", "all_proxy", "ALL_PROXY"})
        if (const char* value = std::getenv(name); value != nullptr && *value != '\0')  // NOLINT(concurrency-mt-unsafe)
            return name;
    return {};
}

class Transfer {
public:
    Transfer(const HttpRequest& request, sdk::Call& call)
        : request_(request), call_(call), curl_(curl_easy_init(), curl_easy_cleanup),
          headers_(curl_slist_append(nullptr, ("Accept: " + request.accept).c_str()), curl_slist_free_all)
    {
    }

    Result<HttpAnswer> run()
    {
        set_up();
        identify();
        const auto status = curl_easy_perform(curl_.get());
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (failure_)
            return *failure_;
        if (status == CURLE_PEER_FAILED_VERIFICATION)
            return sdk::make_error(Code::permission,
                                   host() + " shows a certificate that nobody here vouches for",
                                   "its authority's certificate belongs into /etc/containers/certs.d/" + host() + "/ca.crt");
        if (const auto refusal = refused_by_proxy(status))
            return *refusal;
        if (status != CURLE_OK && !connected())
            return sdk::make_error(Code::unavailable,
                                   host() + " does not answer: " + std::string(curl_easy_strerror(status)), proxy_hint());
        if (status == CURLE_OK || refusal_bytes_ > most_refusal_bytes)
            answer_.status = answered();
        else
            answer_.broken = curl_easy_strerror(status);
        curl_off_t seconds = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RETRY_AFTER, &seconds);
        answer_.retry_after = std::chrono::seconds(seconds);
        return std::move(answer_);
    }

private:
    void set_up()
    {
        auto* curl = curl_.get();
        const char* protocols = request_.plain ? "http,https" : "https";
        curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_.get());
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
        curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, request_.url.starts_with("https:") ? "https" : protocols);
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl, CURLOPT_MAXREDIRS, most_redirects);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, connect_seconds);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.stall.count()));
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Transfer::take);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &Transfer::take_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Transfer::go_on);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, this);
        if (request_.direct)
            curl_easy_setopt(curl, CURLOPT_PROXY, "");
        if (request_.from > 0)
            curl_easy_setopt(curl, CURLOPT_RANGE, (std::to_string(request_.from) + "-").c_str());
    }

    // Curl keeps both from another host that a redirect leads to; a header of our own would go there.
    void identify()
    {
        auto* curl = curl_.get();
        if (!request_.token.empty()) {
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
            curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, request_.token.c_str());
        } else if (!request_.user.empty()) {
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
            curl_easy_setopt(curl, CURLOPT_USERPWD, request_.user.c_str());
        }
        if (request_.authority.empty())
            return;
        // Curl looks for the system's own in their directory too.
        curl_blob bytes{const_cast<char*>(request_.authority.data()), request_.authority.size(), CURL_BLOB_NOCOPY};
        curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &bytes);
    }

    [[nodiscard]] std::string host() const
    {
        const auto start = request_.url.find("://") + 3;
        return request_.url.substr(start, request_.url.find('/', start) - start);
    }

    // What a proxy says before it lets anybody through: to CONNECT, or 407 (RFC 9110, sections 9.3.6 and 15.5.8).
    [[nodiscard]] std::optional<sdk::Error> refused_by_proxy(CURLcode status) const
    {
        if (status == CURLE_COULDNT_RESOLVE_PROXY)
            return sdk::make_error(Code::unavailable, "nobody knows the proxy that is to be asked for " + host(), proxy_hint());
        long answered = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_HTTP_CONNECTCODE, &answered);
        if (answered == 0)
            curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &answered);
        if (answered == wants_proxy_password)
            return sdk::make_error(Code::permission, "the proxy wants a name and a password (407) before it asks " + host(),
                                   "they belong into the proxy's address: http://NAME:PASSWORD@HOST:PORT");
        if (status == CURLE_OK || answered == 0 || answered / 100 == 2 || !tunnelled())
            return std::nullopt;
        return sdk::make_error(Code::unavailable,
                               "the proxy does not let us through to " + host() + " (" + std::to_string(answered) + ")",
                               proxy_hint());
    }

    // Whether a proxy was asked for a connection of its own to the host.
    [[nodiscard]] bool tunnelled() const
    {
        long answered = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_HTTP_CONNECTCODE, &answered);
        return answered != 0;
    }

    // Its address may hold a password, so it is never told.
    [[nodiscard]] std::string proxy_hint() const
    {
        const auto named = request_.direct ? std::string() : proxy_variable(request_.url);
        return named.empty() ? "" : "the daemon's environment names a proxy (" + named + "): is that right?";
    }

    [[nodiscard]] bool connected() const
    {
        long port = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_PRIMARY_PORT, &port);
        curl_off_t after = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_CONNECT_TIME_T, &after);
        return port != 0 && after > 0;
    }

    [[nodiscard]] long answered() const
    {
        long status = 0;
        curl_easy_getinfo(curl_.get(), CURLINFO_RESPONSE_CODE, &status);
        return status;
    }

    // Nobody reads what a refusal says, which is as long as it likes to be, whatever was asked for; one without an end is left.
    bool pass_over(std::size_t bytes)
    {
        refusal_bytes_ += bytes;
        return refusal_bytes_ <= most_refusal_bytes;
    }

    Result<void> keep(std::string_view bytes)
    {
        const bool whole = answered() == found;
        if (request_.into >= 0 && arrived_ == 0 && whole && request_.from > 0 && ::ftruncate(request_.into, 0) != 0)
            return sdk::os_error("begin a download anew");
        const auto before = (whole ? 0 : request_.from) + arrived_;
        if (bytes.size() > request_.most - std::min(request_.most, before))
            return sdk::make_error(Code::corrupt, host() + " sends more than there can be");
        arrived_ += bytes.size();
        if (request_.into < 0) {
            answer_.body.append(bytes);
            return {};
        }
        if (auto written = sdk::os::write_all(request_.into, bytes); !written)
            return written;
        if (request_.arrived)
            request_.arrived(before + bytes.size());
        return {};
    }

    static std::size_t take(char* bytes, std::size_t /*one*/, std::size_t size, void* self)
    {
        auto& transfer = *static_cast<Transfer*>(self);
        if (const auto status = transfer.answered(); status != found && status != found_the_rest)
            return transfer.pass_over(size) ? size : 0;
        auto kept = transfer.keep({bytes, size});
        if (!kept)
            transfer.failure_ = std::move(kept).error();
        return kept ? size : 0;
    }

    static std::size_t take_header(char* bytes, std::size_t /*one*/, std::size_t size, void* self)
    {
        constexpr std::string_view name = "www-authenticate:";
        std::string_view line(bytes, size);
        if (line.size() > name.size() && curl_strnequal(bytes, name.data(), name.size()) != 0) {
            line.remove_prefix(name.size());
            line = line.substr(0, line.find_last_not_of("\r\n") + 1);
            static_cast<Transfer*>(self)->answer_.challenge =
                line.substr(std::min(line.find_first_not_of(' '), line.size()));
        }
        return size;
    }

    static int go_on(void* self, curl_off_t /*all*/, curl_off_t /*now*/, curl_off_t /*up*/, curl_off_t /*up now*/)
    {
        return static_cast<Transfer*>(self)->call_.cancelled() ? 1 : 0;
    }

    const HttpRequest& request_;
    sdk::Call& call_;
    std::unique_ptr<CURL, void (*)(CURL*)> curl_;
    std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers_;
    HttpAnswer answer_;
    std::uint64_t arrived_ = 0;
    std::size_t refusal_bytes_ = 0;
    std::optional<sdk::Error> failure_;
};

}  // namespace

Result<HttpAnswer> http_get(const HttpRequest& request, sdk::Call& call)
{
    static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)ready;
    return Transfer(request, call).run();
}

std::string url_escaped(const std::string& text)
{
    const std::unique_ptr<char, void (*)(void*)> made(
        curl_easy_escape(nullptr, text.c_str(), static_cast<int>(text.size())), curl_free);
    return made ? made.get() : "";
}

}  // namespace banger::blobs
