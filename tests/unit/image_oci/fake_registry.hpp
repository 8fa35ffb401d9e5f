// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "blobs/digest.hpp"
#include "loopback_server.hpp"

namespace banger::oci::testing {

/// A registry with one image, "made/here:1", that behaves until a test makes it do otherwise.
class FakeRegistry {
public:
    /// Answers a request itself, or leaves it: false.
    using Misbehave = std::function<bool(const Request&, Reply&)>;

    explicit FakeRegistry(const std::vector<std::string>& layers, Misbehave misbehave = {})
        : misbehave_(std::move(misbehave)), manifest_(add_image(layers)),
          server([this](const Request& request, Reply& reply) { answer(request, reply); })
    {
    }

    [[nodiscard]] std::string reference() const { return server.address() + "/made/here:1"; }
    [[nodiscard]] const std::string& layer(std::size_t number) const { return layers_.at(number); }  ///< its digest
    [[nodiscard]] const std::string& content(const std::string& digest) const { return blobs_.at(digest); }

private:
    std::string descriptor(const std::string& type, const std::string& bytes)
    {
        const auto digest = blobs::digest_of(bytes);
        blobs_[digest] = bytes;
        return R"({"mediaType":")" + type + R"(","digest":")" + digest + R"(","size":)" + std::to_string(bytes.size()) + "}";
    }

    std::string add_image(const std::vector<std::string>& layers)
    {
        std::string list;
        for (const auto& layer : layers) {
            layers_.push_back(blobs::digest_of(layer));
            list += (list.empty() ? "" : ",") + descriptor("application/vnd.oci.image.layer.v1.tar", layer);
        }
        return R"({"schemaVersion":2,"config":)" +
               descriptor("application/vnd.oci.image.config.v1+json", R"({"architecture":"amd64","os":"linux"})") +
               R"(,"layers":[)" + list + "]}";
    }

    void answer(const Request& request, Reply& reply)
    {
        if (misbehave_ && misbehave_(request, reply))
            return;
        const std::string manifests = "/v2/made/here/manifests/";
        if (request.path == manifests + "1" || request.path == manifests + blobs::digest_of(manifest_))
            return reply.send(200, manifest_);
        const auto digest = request.path.substr(request.path.rfind('/') + 1);
        if (!request.path.starts_with("/v2/made/here/blobs/") || !blobs_.contains(digest))
            return reply.send(404, "{}");
        const auto& bytes = blobs_.at(digest);
        const auto range = request.headers.find("range");
        if (range == request.headers.end())
            return reply.send(200, bytes);
        const auto from = std::stoull(range->second.substr(std::string("bytes=").size()));
        reply.send(206, bytes.substr(from));
    }

    Misbehave misbehave_;
    std::map<std::string, std::string> blobs_;
    std::vector<std::string> layers_;
    std::string manifest_;

public:
    LoopbackServer server;  // last: answers from the others
};

}  // namespace banger::oci::testing
