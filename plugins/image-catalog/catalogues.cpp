// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "catalogues.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>

#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"
#include "download.hpp"
#include "signature.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;
using rapidjson::Value;

constexpr std::uint64_t most_catalogue_bytes = 16U << 20;
constexpr std::uint64_t most_signature_bytes = 64U << 10;
constexpr std::uint64_t format_version = 1;
constexpr const char* lists[] = {"images", "kernels"};

std::string text_of(const rapidjson::Document& document)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    document.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

Result<rapidjson::Document> parse(const std::string& catalogue, const std::string& location)
{
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseFullPrecisionFlag>(catalogue.data(), catalogue.size());
    if (document.HasParseError() || !document.IsObject())
        return sdk::make_error(Code::corrupt, "catalogue " + location + " is no JSON object");
    if (!document.HasMember("version") || !document["version"].IsUint64() ||
        document["version"].GetUint64() != format_version)
        return sdk::make_error(Code::unsupported, "catalogue " + location + " is for another version of banger");
    for (const char* list : lists) {
        if (document.HasMember(list) && !document[list].IsArray())
            return sdk::make_error(Code::corrupt, "catalogue " + location + " has " + list + " that are no list");
        if (!document.HasMember(list))
            document.AddMember(Value(list, document.GetAllocator()), Value(rapidjson::kArrayType), document.GetAllocator());
    }
    return document;
}

Result<void> place(Value& choice, const std::string& location, rapidjson::Document::AllocatorType& allocator)
{
    if (!choice.IsObject() || !choice.HasMember("source") || !choice["source"].IsString() ||
        std::string(choice["source"].GetString()) != "catalog" || !choice.HasMember("recipe") || !choice["recipe"].IsObject() ||
        !choice["recipe"].HasMember("bundle") || !choice["recipe"]["bundle"].IsString())
        return {};
    auto& bundle = choice["recipe"]["bundle"];
    std::string at = bundle.GetString();
    if (at.find('/') == std::string::npos)
        at = location.substr(0, location.rfind('/') + 1) + at;
    else if (!is_address(at))
        return sdk::make_error(Code::invalid, "catalogue " + location + " has a bundle at '" + at + "'",
                               "a bundle is beside its catalogue or at an https address");
    bundle.SetString(at.data(), static_cast<rapidjson::SizeType>(at.size()), allocator);
    return {};
}

/// What one site says, or said when it last answered.
class Site {
public:
    Site(const CatalogueSite& site, const Options& options, sdk::Call& call) : site_(site), options_(options), call_(call)
    {
        kept_ = options.cache + "/catalogues/" + blobs::digest_of(site.location + "\n" + site.key).substr(sizeof "sha256");
    }

    Result<std::string> read()
    {
        auto fresh = fetch();
        if (fresh) {
            if (auto made = sdk::os::make_directories(options_.cache + "/catalogues", 0700); !made)
                return std::move(made).error();
            if (auto written = sdk::os::write_file_atomic(kept_, *fresh); !written)
                return std::move(written).error();
            return fresh;
        }
        // Cancelled too: nobody waits any longer for it.
        if ((fresh.error().code == Code::unavailable || fresh.error().code == Code::cancelled) && sdk::os::exists(kept_)) {
            call_.warn("catalogue " + site_.location + " is as it was when it last answered: " + fresh.error().message);
            return sdk::os::read_file(kept_, most_catalogue_bytes);
        }
        return fresh;
    }

private:
    Result<std::string> fetch()
    {
        call_.progress({"read catalogue " + site_.location, 0, 0, {}});
        auto suffix = signature_suffix(site_.key);
        if (!suffix)
            return suffix;
        auto text = read_location(site_.location, most_catalogue_bytes, options_, call_);
        if (!text)
            return text;
        auto signature = read_location(site_.location + *suffix, most_signature_bytes, options_, call_);
        if (!signature)
            return signature;
        if (auto verified = verify(*text, *signature, site_.key, options_.cache + "/verify", call_); !verified)
            return std::move(verified).error();
        return with_places(*text, site_.location);
    }

    const CatalogueSite& site_;
    const Options& options_;
    sdk::Call& call_;
    std::string kept_;
};

}  // namespace

Result<std::string> with_places(const std::string& catalogue, const std::string& location)
{
    auto document = parse(catalogue, location);
    if (!document)
        return std::move(document).error();
    auto& allocator = document->GetAllocator();
    for (const char* list : lists)
        for (auto& entry : (*document)[list].GetArray()) {
            if (auto placed = place(entry, location, allocator); !placed)
                return std::move(placed).error();
            if (entry.IsObject() && entry.HasMember("sources") && entry["sources"].IsArray())
                for (auto& choice : entry["sources"].GetArray())
                    if (auto placed = place(choice, location, allocator); !placed)
                        return std::move(placed).error();
        }
    return text_of(*document);
}

Result<std::string> read_catalogues(const Options& options, sdk::Call& call)
{
    auto all = parse(R"({"version": 1})", "of ours");
    for (const auto& site : options.catalogues) {
        auto text = Site(site, options, call).read();
        auto one = text ? parse(*text, site.location) : Result<rapidjson::Document>(std::move(text).error());
        if (!one) {
            call.warn("catalogue " + site.location + " is left out: " + one.error().message);
            continue;
        }
        for (const char* list : lists)
            for (const auto& entry : (*one)[list].GetArray())
                (*all)[list].PushBack(Value(entry, all->GetAllocator()), all->GetAllocator());
    }
    return text_of(*all);
}

}  // namespace banger::catalog
