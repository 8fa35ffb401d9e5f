// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "reference.hpp"

#include <algorithm>

#include "blobs/digest.hpp"

namespace banger::oci {
namespace {

constexpr const char* docker_hub = "docker.io";
constexpr std::size_t max_tag_bytes = 128;
constexpr std::size_t max_repository_bytes = 255;

bool small(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_component(std::string_view text)
{
    return !text.empty() && small(text.front()) && small(text.back()) &&
           std::all_of(text.begin(), text.end(), [](char c) { return small(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_repository(std::string_view text)
{
    for (std::size_t start = 0; start <= text.size();) {
        const auto end = std::min(text.find('/', start), text.size());
        if (!is_component(text.substr(start, end - start)))
            return false;
        start = end + 1;
    }
    return !text.empty() && text.size() <= max_repository_bytes;
}

bool is_tag(std::string_view text)
{
    const auto word = [](char c) { return small(c) || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && text.size() <= max_tag_bytes && word(text.front()) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return word(c) || c == '.' || c == '-'; });
}

bool is_host(std::string_view text)
{
    const auto colon = text.rfind(':');
    const bool has_port = colon != std::string_view::npos && text.find(']', colon) == std::string_view::npos;
    if (has_port && (colon + 1 == text.size() || text.find_first_not_of("0123456789", colon + 1) != std::string_view::npos))
        return false;
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return small(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
    });
}

}  // namespace

std::string Reference::host() const
{
    return registry == docker_hub ? "registry-1.docker.io" : registry;
}

bool Reference::loopback() const
{
    const auto name = registry.starts_with('[') ? registry.substr(0, registry.find(']') + 1)
                                                : registry.substr(0, registry.find(':'));
    return name == "localhost" || name == "[::1]" ||
           (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos);
}

sdk::Result<Reference> parse_reference(const std::string& text)
{
    const auto wrong = [&](const std::string& why) {
        return sdk::make_error(sdk::Code::invalid, "'" + text + "' is no image reference: " + why,
                               "write it as [HOST[:PORT]/]NAME[:TAG][@sha256:DIGEST]");
    };
    Reference reference;
    std::string rest = text;
    if (const auto at = rest.find('@'); at != std::string::npos) {
        reference.digest = rest.substr(at + 1);
        rest.resize(at);
        if (!blobs::is_digest(reference.digest))
            return wrong("its digest is not sha256: and 64 hex digits");
    }
    const auto slash = rest.find('/');
    const auto first = slash == std::string::npos ? std::string() : rest.substr(0, slash);
    // Docker's rule: a first part with a dot or a port, or localhost, is a host.
    if (first.find_first_of(".:") != std::string::npos || first == "localhost") {
        if (!is_host(first))
            return wrong("'" + first + "' is no host");
        reference.registry = first == "index.docker.io" ? docker_hub : first;
        rest.erase(0, slash + 1);
    } else {
        reference.registry = docker_hub;
    }
    if (const auto colon = rest.find(':'); colon != std::string::npos) {
        reference.tag = rest.substr(colon + 1);
        rest.resize(colon);
        if (!is_tag(reference.tag))
            return wrong("'" + reference.tag + "' is no tag");
    } else if (reference.digest.empty()) {
        reference.tag = "latest";
    }
    reference.repository =
        reference.registry == docker_hub && rest.find('/') == std::string::npos ? "library/" + rest : rest;
    if (rest.empty() || !is_repository(reference.repository))
        return wrong("'" + rest + "' is no name of small letters, digits and '.', '_', '-', '/'");
    return reference;
}

}  // namespace banger::oci
