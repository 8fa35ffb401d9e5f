// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "manifest.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <optional>

#include "blobs/digest.hpp"

namespace banger::oci {
namespace {

using Value = rapidjson::Value;

sdk::Error damaged(const std::string& subject, const std::string& why)
{
    return sdk::make_error(sdk::Code::corrupt, subject + " " + why);
}

// Iterative: a hostile document can nest deeper than a stack allows.
std::optional<rapidjson::Document> parse(const std::string& text)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError())
        return std::nullopt;
    return document;
}

std::string member_text(const Value& object, const char* key)
{
    const auto member = object.FindMember(key);
    return member != object.MemberEnd() && member->value.IsString() ? member->value.GetString() : "";
}

std::optional<Descriptor> descriptor_of(const Value& value)
{
    if (!value.IsObject())
        return std::nullopt;
    Descriptor blob{member_text(value, "mediaType"), member_text(value, "digest"), 0};
    const auto size = value.FindMember("size");
    if (!blobs::is_digest(blob.digest) || size == value.MemberEnd() || !size->value.IsUint64())
        return std::nullopt;
    blob.size = size->value.GetUint64();
    return blob;
}

// Of an index' member "platform", or of a configuration.
std::string platform_in(const Value& object)
{
    const auto variant = member_text(object, "variant");
    return member_text(object, "os") + "/" + member_text(object, "architecture") + (variant.empty() ? "" : "/" + variant);
}

std::string entry_platform(const Value& entry)
{
    const auto platform = entry.FindMember("platform");
    return platform == entry.MemberEnd() || !platform->value.IsObject() ? std::string() : platform_in(platform->value);
}

enum class Fit { exact, loose, none };

// Who names no variant takes any, and what names none is for all of its architecture.
Fit fit_of(const std::string& its, const std::string& wanted)
{
    if (its == wanted)
        return Fit::exact;
    const bool loose = its.empty() || its.starts_with(wanted + "/") || wanted.starts_with(its + "/");
    return loose ? Fit::loose : Fit::none;
}

// Archives of both families, compressed or not, and not what nobody here has the key of. Sources: layer.md of the OCI image
// specification; Docker's "Image Manifest Version 2, Schema 2".
bool is_file_system(const std::string& media_type)
{
    if (media_type.ends_with("+encrypted"))
        return false;
    for (const char* family : {"application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar",
                               "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar"})
        if (media_type.starts_with(family))
            return true;
    return false;
}

sdk::Result<ManifestOrIndex> parse_index(const Value& list, const std::string& platform, const std::string& subject)
{
    ManifestOrIndex result;
    result.index = true;
    std::vector<Descriptor> loose;
    std::string others;
    for (const auto& entry : list.GetArray()) {
        auto blob = descriptor_of(entry);
        if (!blob)
            return damaged(subject, "lists a manifest without digest and size");
        const auto its = entry_platform(entry);
        switch (fit_of(its, platform)) {
            case Fit::exact: result.of_platform.push_back(std::move(*blob)); break;
            case Fit::loose: loose.push_back(std::move(*blob)); break;
            case Fit::none: others += (others.empty() ? "" : ", ") + its;
        }
    }
    if (result.of_platform.empty())
        result.of_platform = std::move(loose);
    if (result.of_platform.empty())
        return sdk::make_error(sdk::Code::unsupported,
                               subject + " has nothing for " + platform + (others.empty() ? "" : ", only for " + others));
    return result;
}

}  // namespace

sdk::Result<ManifestOrIndex> parse_manifest(const std::string& text, const std::string& platform,
                                            const std::string& subject)
{
    const auto document = parse(text);
    if (!document || !document->IsObject())
        return damaged(subject, "is not JSON of a manifest");
    if (const auto list = document->FindMember("manifests"); list != document->MemberEnd() && list->value.IsArray())
        return parse_index(list->value, platform, subject);
    const auto config = document->FindMember("config");
    const auto layers = document->FindMember("layers");
    if (config == document->MemberEnd() || layers == document->MemberEnd() || !layers->value.IsArray())
        return sdk::make_error(sdk::Code::unsupported,
                               subject + " is neither a manifest of OCI nor one of Docker's schema 2");
    auto config_blob = descriptor_of(config->value);
    if (!config_blob)
        return damaged(subject, "names no configuration");
    ManifestOrIndex result;
    result.manifest.config = std::move(*config_blob);
    for (const auto& layer : layers->value.GetArray()) {
        auto blob = descriptor_of(layer);
        if (!blob)
            return damaged(subject, "has a layer without digest and size");
        if (!is_file_system(blob->media_type))
            return sdk::make_error(sdk::Code::unsupported,
                                   subject + " has a layer of the type '" + blob->media_type + "', which is no file system");
        result.manifest.layers.push_back(std::move(*blob));
    }
    if (result.manifest.layers.size() > max_layers)
        return damaged(subject, "has more than " + std::to_string(max_layers) + " layers");
    return result;
}

sdk::Result<SavedImage> parse_saved(const std::string& text)
{
    const auto document = parse(text);
    const auto wrong = [] { return damaged("manifest.json", "is not that of a saved image"); };
    if (!document || !document->IsArray() || document->Empty() || !(*document)[0].IsObject())
        return wrong();
    const auto& image = (*document)[0];
    SavedImage saved;
    saved.config = member_text(image, "Config");
    const auto layers = image.FindMember("Layers");
    if (saved.config.empty() || layers == image.MemberEnd() || !layers->value.IsArray() ||
        layers->value.Size() > max_layers)
        return wrong();
    for (const auto& layer : layers->value.GetArray()) {
        if (!layer.IsString())
            return wrong();
        saved.layers.emplace_back(layer.GetString());
    }
    return saved;
}

sdk::Result<std::vector<std::string>> diff_ids_of(const std::string& config)
{
    const auto document = parse(config);
    std::vector<std::string> ids;
    if (document && document->IsObject() && document->HasMember("rootfs") && (*document)["rootfs"].IsObject()) {
        const auto& rootfs = (*document)["rootfs"];
        const auto list = rootfs.FindMember("diff_ids");
        if (list != rootfs.MemberEnd() && list->value.IsArray()) {
            for (const auto& id : list->value.GetArray())
                if (id.IsString() && blobs::is_digest(id.GetString()))
                    ids.emplace_back(id.GetString());
            if (ids.size() == list->value.Size())
                return ids;
        }
    }
    return damaged("the image's configuration", "does not list its layers");
}

bool is_platform(const std::string& text)
{
    const auto slashes = std::count(text.begin(), text.end(), '/');
    return slashes == 1 || slashes == 2;  // with a variant
}

std::string platform_of(const std::string& config, const std::string& otherwise)
{
    const auto document = parse(config);
    if (!document || !document->IsObject() || member_text(*document, "os").empty() || member_text(*document, "architecture").empty())
        return otherwise;
    return platform_in(*document);
}

std::string execution_of(const std::string& config)
{
    const auto document = parse(config);
    if (!document || !document->IsObject())
        return "{}";
    const auto member = document->FindMember("config");
    if (member == document->MemberEnd() || !member->value.IsObject())
        return "{}";
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    member->value.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace banger::oci
