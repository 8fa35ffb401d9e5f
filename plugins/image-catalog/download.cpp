// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "download.hpp"

#include <utility>

#include "banger/sdk/os/file.hpp"
#include "blobs/blob_cache.hpp"
#include "blobs/trust.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

std::string host_of(const std::string& address)
{
    const auto start = address.find("://") + 3;
    return address.substr(start, address.find('/', start) - start);
}

bool is_loopback(const std::string& host)
{
    const auto name = host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
    return name == "localhost" || name == "[::1]" ||
           (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
}

blobs::HttpRequest request_for(const std::string& address, const Options& options)
{
    const auto host = host_of(address);
    return {.url = address,
            .accept = "*/*",
            .authority = blobs::authority_for(host).value_or(std::string()),
            .plain = is_loopback(host),
            .direct = is_loopback(host),
            .stall = options.patience.stall};
}

std::string cache_of(const Options& options)
{
    return options.cache + "/blobs";
}

sdk::Error refused(const std::string& address, const blobs::HttpAnswer& answer)
{
    if (answer.status == 0)
        return sdk::make_error(Code::unavailable, address + " breaks off: " + answer.broken);
    const auto code = answer.status == 404                            ? Code::not_found
                      : answer.status == 401 || answer.status == 403 ? Code::permission
                                                                      : Code::unavailable;
    return sdk::make_error(code, host_of(address) + " answers " + std::to_string(answer.status) + " for " + address);
}

}  // namespace

bool is_address(const std::string& location)
{
    const bool is_https = location.starts_with("https://");
    if (!is_https && !location.starts_with("http://"))
        return false;
    const auto host = host_of(location);
    return host.find('@') == std::string::npos && (is_https || is_loopback(host));
}

Result<std::string> read_location(const std::string& location, std::uint64_t most, const Options& options, sdk::Call& call)
{
    if (location.starts_with('/'))
        return sdk::os::read_file(location, most);
    if (!is_address(location))
        return sdk::make_error(Code::invalid, "'" + location + "' is neither an https address nor an absolute path");
    auto request = request_for(location, options);
    request.most = most;
    for (blobs::Retry retry(options.patience);;) {
        auto answer = retry.came(blobs::http_get(request, call));
        if (!answer)
            return std::move(answer).error();
        if (answer->status == 200)
            return std::move(answer->body);
        if (!retry.again(*answer, call))
            return refused(location, *answer);
    }
}

Result<std::string> bundle_at(const std::string& location, const std::string& digest, std::uint64_t size,
                              const Options& options, sdk::Call& call)
{
    if (location.starts_with('/'))
        return location;
    if (!is_address(location))
        return sdk::make_error(Code::invalid, "'" + location + "' is neither an https address nor an absolute path");
    const auto directory = cache_of(options);
    if (auto made = sdk::os::make_directories(directory, 0700); !made)
        return std::move(made).error();
    auto request = request_for(location, options);
    request.arrived = [&](std::uint64_t bytes) { call.progress({"download bundle", bytes, size, "bytes"}); };
    return blobs::BlobCache(directory).get(digest, host_of(location), call, [&](int file) -> Result<void> {
        auto answer = blobs::download(
            request, size, file, options.patience,
            [&](const blobs::HttpRequest& part) { return blobs::http_get(part, call); }, call);
        if (!answer)
            return std::move(answer).error();
        if (answer->status != 200)
            return refused(location, *answer);
        return {};
    });
}

void forget_bundle(const std::string& digest, const Options& options)
{
    blobs::BlobCache(cache_of(options)).forget(digest);
}

}  // namespace banger::catalog
