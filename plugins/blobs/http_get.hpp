// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "banger/sdk/host.hpp"

namespace banger::blobs {

struct HttpRequest {
    std::string url = {};
    std::string accept = {};     ///< media types
    std::string token = {};      ///< a bearer's (RFC 6750); or:
    std::string user = {};       ///< "name:password" for basic authentication (RFC 7617); neither follows to another host
    std::string authority = {};  ///< PEM text of who may sign certificates beside those that the system knows
    bool plain = false;     ///< plain HTTP will do; a redirect from HTTPS to it never does
    bool direct = false;    ///< by no proxy of this process' environment (curl(1), "ENVIRONMENT")
    std::uint64_t most = 0;  ///< bytes that the whole of it may have, if it is given (200, 206)
    std::uint64_t from = 0;  ///< bytes of it that are there
    int into = -1;           ///< a file opened to append, that takes what was found; -1: the answer keeps it
    std::function<void(std::uint64_t)> arrived = {};  ///< told how many bytes of it are there now
    std::chrono::seconds stall{60};                   ///< without a byte, after which the server counts as gone
};

struct HttpAnswer {
    long status = 0;        ///< 0: the connection broke
    std::string broken = {};     ///< then: why
    std::string body = {};       ///< of status 200 and 206 only
    std::string challenge = {};  ///< of WWW-Authenticate
    std::chrono::seconds retry_after{0};  ///< 0: it does not say
};

/// One GET. What a server sends of something else than was asked for never goes into the file; one that has no ranges
/// begins the file anew. Errors: unavailable if there is no connection, or a proxy makes none; permission for a certificate
/// that nobody vouches for, and for a proxy that wants a password; corrupt if more comes than there can be; cancelled; those of writing.
sdk::Result<HttpAnswer> http_get(const HttpRequest& request, sdk::Call& call);

/// Escapes text for a query (RFC 3986, section 2.1).
std::string url_escaped(const std::string& text);

}  // namespace banger::blobs
