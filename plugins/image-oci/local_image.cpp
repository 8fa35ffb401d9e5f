// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "local_image.hpp"

#include "banger/sdk/os/file.hpp"
#include "archive.hpp"
#include "blobs/digest.hpp"
#include "manifest.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

constexpr int most_indexes = 4;

std::string blob_path(const std::string& directory, const std::string& digest)
{
    return directory + "/blobs/sha256/" + digest.substr(digest.find(':') + 1);
}

Result<std::string> read_blob(const std::string& directory, const Descriptor& blob)
{
    auto text = sdk::os::read_file(blob_path(directory, blob.digest), most_document_bytes);
    if (text && blobs::digest_of(*text) != blob.digest)
        return sdk::make_error(Code::corrupt, "the blob " + blob.digest + " of the layout is not what its digest says");
    return text;
}

Result<LocalImage> read_layout(const std::string& directory, const std::string& platform)
{
    auto text = sdk::os::read_file(directory + "/index.json", most_document_bytes);
    Descriptor here;
    for (int depth = 0; depth < most_indexes; ++depth) {
        if (!text)
            return std::move(text).error();
        auto parsed = parse_manifest(*text, platform, depth == 0 ? "the layout's index" : "manifest " + here.digest);
        if (!parsed)
            return std::move(parsed).error();
        if (parsed->index) {
            if (parsed->of_platform.size() > 1)
                return sdk::make_error(Code::invalid, "the layout holds several images for " + platform,
                                       "copy the one you mean into a layout of its own");
            here = parsed->of_platform.front();
            text = read_blob(directory, here);
            continue;
        }
        if (depth == 0)  // without a digest, which the image would go by
            return sdk::make_error(Code::corrupt, "the layout's index.json is no index");
        auto config = read_blob(directory, parsed->manifest.config);
        if (!config)
            return std::move(config).error();
        LocalImage image{here.digest, std::move(*config), {}};
        for (const auto& layer : parsed->manifest.layers)
            image.layers.push_back({blob_path(directory, layer.digest), layer.digest, layer.digest, {}, layer.size});
        return image;
    }
    return sdk::make_error(Code::corrupt, "the layout's indexes lead from one to the other");
}

Result<LocalImage> read_saved(const std::string& directory)
{
    auto text = sdk::os::read_file(directory + "/manifest.json", most_document_bytes);
    if (!text)
        return std::move(text).error();
    auto saved = parse_saved(*text);
    if (!saved)
        return std::move(saved).error();
    if (!stays_inside(saved->config))
        return sdk::make_error(Code::invalid, "manifest.json names a file outside of the archive");
    auto config = sdk::os::read_file(directory + "/" + saved->config, most_document_bytes);
    if (!config)
        return std::move(config).error();
    auto ids = diff_ids_of(*config);
    if (!ids)
        return std::move(ids).error();
    if (ids->size() != saved->layers.size())
        return sdk::make_error(Code::corrupt, "manifest.json and the image's configuration list different layers");
    LocalImage image{blobs::digest_of(*config), std::move(*config), {}};
    for (std::size_t i = 0; i < ids->size(); ++i) {
        if (!stays_inside(saved->layers[i]))
            return sdk::make_error(Code::invalid, "manifest.json names a file outside of the archive");
        image.layers.push_back({directory + "/" + saved->layers[i], (*ids)[i], {}, (*ids)[i], 0});
    }
    return image;
}

}  // namespace

bool is_image_directory(const std::string& directory)
{
    return sdk::os::exists(directory + "/index.json") || sdk::os::exists(directory + "/manifest.json");
}

Result<LocalImage> read_local(const std::string& directory, const std::string& platform)
{
    if (sdk::os::exists(directory + "/index.json"))
        return read_layout(directory, platform);
    if (sdk::os::exists(directory + "/manifest.json"))
        return read_saved(directory);
    return sdk::make_error(Code::invalid, "there is neither an OCI layout nor a saved image: no index.json, no manifest.json",
                           "give what `skopeo copy`, `buildah push` or `docker save` made, or a root file system; `banger image register` "
                           "takes a directory whatever is in it");
}

}  // namespace banger::oci
