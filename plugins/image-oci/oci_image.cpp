// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "oci_image.hpp"

#include <fcntl.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "archive.hpp"
#include "banger/sdk/os/file.hpp"
#include "blobs/digest.hpp"
#include "ext4_root.hpp"
#include "layer_downloads.hpp"
#include "layer_stream.hpp"
#include "local_image.hpp"
#include "machine_disks.hpp"
#include "manifest.hpp"
#include "options.hpp"
#include "plain_root.hpp"
#include "plugins/json/object_reader.hpp"
#include "reference.hpp"
#include "registry.hpp"

namespace banger::oci {
namespace {

using sdk::Code;
using sdk::Result;

struct Recipe {
    std::string reference;
    std::string path;
    std::string platform;
    std::string digest;  // of the layout's manifest or of the archive, when it was pinned
    bool any_directory = false;  // as a root file system, whatever is in it
    bool pin = false;    // only what it names now is asked
    std::optional<MachineDisks> machine;
    std::string execution;  // of the image that the machine was made from
};

constexpr std::string_view any_directory = "any";

struct PathRecipe {
    std::string path;
    std::string platform;
    std::string digest;
    std::string stamp;
    std::string directory;
};

std::string to_json(const PathRecipe& recipe)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.StartObject();
    for (const auto& [key, value] : {std::pair{"path", &recipe.path}, std::pair{"platform", &recipe.platform},
                                     std::pair{"digest", &recipe.digest}, std::pair{"stamp", &recipe.stamp},
                                     std::pair{"directory", &recipe.directory}}) {
        writer.Key(key);
        writer.String(value->data(), static_cast<rapidjson::SizeType>(value->size()));
    }
    writer.EndObject();
    return {buffer.GetString(), buffer.GetSize()};
}

bool is_absolute(const std::string& path)
{
    return path.starts_with('/');
}

DiskFile read_disk(const rapidjson::Value& value, const std::string& subject, std::optional<sdk::Error>& problem)
{
    plugin_json::ObjectReader reader(value, subject, problem);
    DiskFile disk{reader.required_text("path", is_absolute), reader.required_text("format", plugin_json::is_not_empty)};
    reader.refuse_others();
    return disk;
}

Result<Recipe> read_recipe(const std::string& text, const std::string& platform)
{
    const std::string subject = "the recipe";
    const auto document = plugin_json::parse_object(text, subject);
    if (!document)
        return document.error();
    std::optional<sdk::Error> problem;
    plugin_json::ObjectReader reader(*document, subject, problem);
    Recipe recipe;
    recipe.reference = reader.text("reference", plugin_json::is_not_empty);
    recipe.path = reader.text("path", is_absolute);
    recipe.platform = reader.text("platform", is_platform, platform);
    recipe.digest = reader.text("digest", plugin_json::is_any);
    recipe.pin = !reader.text("pin", plugin_json::is_not_empty).empty();
    recipe.any_directory = reader.text("directory", plugin_json::is_any) == any_directory;
    (void)reader.text("stamp", plugin_json::is_any);
    const auto* root = reader.object("root");
    const auto* work = reader.object("work");
    const auto client_key = reader.text("client_key", plugin_json::is_any);
    recipe.execution = reader.text("execution", plugin_json::is_any);
    if (root != nullptr && work != nullptr)
        recipe.machine = MachineDisks{read_disk(*root, subject + "'s root", problem),
                                      read_disk(*work, subject + "'s work", problem), client_key};
    reader.refuse_others();
    if (int{!recipe.reference.empty()} + int{!recipe.path.empty()} + int{recipe.machine.has_value()} != 1)
        reader.complain("names none of a reference, a path and a machine's disks, or several");
    return problem ? Result<Recipe>(std::move(*problem)) : Result<Recipe>(std::move(recipe));
}

class ImageFetch {
public:
    ImageFetch(Recipe recipe, const Options& options, const sdk::ImageRequest& request, sdk::Call& call)
        : recipe_(std::move(recipe)), options_(options), request_(request), call_(call)
    {
    }

    Result<sdk::ImageStream> go()
    {
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (recipe_.machine)
            return from_machine();
        return recipe_.path.empty() ? from_registry() : from_file();
    }

private:
    Result<sdk::ImageStream> from_registry()
    {
        auto reference = parse_reference(recipe_.reference);
        if (!reference)
            return std::move(reference).error();
        if (auto made = sdk::os::make_directories(options_.cache, 0700); !made)
            return std::move(made).error();
        const auto places = options_.places_of(*reference);
        for (std::size_t place = 0; place + 1 < places.size(); ++place) {
            auto mirrored = from_registry(*reference, {places.begin() + static_cast<std::ptrdiff_t>(place), places.end()});
            // A mirror may have only some of the images; what it began cannot be taken back.
            if (mirrored || call_.cancelled() || streaming_)
                return mirrored;
            call_.warn("mirror " + places[place].registry + " is left out: " + mirrored.error().message);
        }
        return from_registry(*reference, {places.back()});
    }

    // The first place says what the image is; what it has not got of that comes from those behind it.
    Result<sdk::ImageStream> from_registry(const Reference& reference, const std::vector<Reference>& places)
    {
        call_.progress({"ask registry " + places.front().registry, 0, 0, {}});
        std::vector<std::unique_ptr<Registry>> registries;
        for (const auto& place : places) {
            registries.push_back(std::make_unique<Registry>(place, options_.registry_options(place)));
            if (registries.size() > 1)
                registries[registries.size() - 2]->fall_back_to(*registries.back());
        }
        auto& registry = *registries.front();
        auto image = registry.fetch(recipe_.platform, call_);
        if (!image)
            return std::move(image).error();
        if (recipe_.pin)
            return pinned(reference, image->digest);
        if (auto small = check_sizes(image->manifest.layers); !small)
            return std::move(small).error();
        const auto& layers = image->manifest.layers;
        LayerDownloads downloads(registry, layers, call_);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            auto path = downloads.wait(i);
            if (!path)
                return std::move(path).error();
            streaming_ = true;
            auto streamed = stream({*path, layers[i].digest, layers[i].digest, {}, layers[i].size});
            if (!streamed && streamed.error().code == Code::corrupt)
                registry.forget(layers[i]);
            if (!streamed)
                return std::move(streamed).error();
        }
        return finish(image->digest, image->config, layers.size());
    }

    // What a manifest says would be downloaded, and only then found to be nothing else.
    [[nodiscard]] Result<void> check_sizes(const std::vector<Descriptor>& layers) const
    {
        std::uint64_t left = request_.most_bytes;
        for (const auto& layer : layers) {
            if (layer.size > left)
                return sdk::make_error(
                    Code::invalid, "the layers of '" + recipe_.reference + "' have more than " + std::to_string(request_.most_bytes) + " bytes",
                    "an image that is meant to be so large needs a larger images.most_bytes in config.toml");
            left -= layer.size;
        }
        return {};
    }

    [[nodiscard]] static sdk::ImageStream pinned(const Reference& reference, const std::string& digest)
    {
        const std::string name = reference.registry + "/" + reference.repository + "@" + digest;
        return {"recipe",
                {{"recipe", R"({"reference": ")" + name + "\"}"}, {"identity", digest}}};
    }

    // A layout is what its manifest names, and an archive what is in it; in a tree any file may have changed.
    Result<sdk::ImageStream> pinned_path(bool directory)
    {
        if (directory && !is_image_directory(recipe_.path))
            return pinned_path({recipe_.path, recipe_.platform, {}, now(), recipe_.any_directory ? std::string(any_directory) : ""}, {});
        std::string identity;
        std::string digest;
        if (directory) {
            auto image = read_local(recipe_.path, recipe_.platform);
            if (!image)
                return std::move(image).error().while_doing("read " + recipe_.path);
            identity = digest = image->digest;
        } else {
            auto sum = blobs::digest_of_file(recipe_.path, call_);
            if (!sum)
                return std::move(sum).error();
            digest = *sum;
            identity = "archive " + digest + " for " + recipe_.platform;
        }
        return pinned_path({recipe_.path, recipe_.platform, digest, {}, {}}, identity);
    }

    static sdk::ImageStream pinned_path(const PathRecipe& recipe, const std::string& identity)
    {
        return {"recipe", {{"recipe", to_json(recipe)}, {"identity", identity}}};
    }

    // The image goes by the digest that was pinned, so nothing else may become it.
    [[nodiscard]] Result<void> check_unchanged(const std::string& digest) const
    {
        if (recipe_.digest.empty() || recipe_.digest == digest)
            return {};
        return sdk::make_error(Code::busy, "'" + recipe_.path + "' was changed while it was read", "try again when nobody writes it");
    }

    static std::string now()
    {
        return std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    }

    static Result<sdk::ImageStream> plain(const Result<void>& streamed)
    {
        if (!streamed)
            return streamed.error();
        return sdk::ImageStream{"tar", {}};
    }

    Result<void> archive() const
    {
        const auto digest = stream_archive(recipe_.path, request_.output, call_);
        return digest ? check_unchanged(*digest) : Result<void>(digest.error());
    }

    // It is read here and there: only another look tells whether it is still the same.
    Result<void> ext4() const
    {
        if (auto streamed = stream_ext4(recipe_.path, request_.output, call_); !streamed || recipe_.digest.empty())
            return streamed;
        const auto digest = blobs::digest_of_file(recipe_.path, call_);
        return digest ? check_unchanged(*digest) : Result<void>(digest.error());
    }

    Result<sdk::ImageStream> from_file()
    {
        struct stat status {};
        if (::stat(recipe_.path.c_str(), &status) != 0)
            return sdk::os_error("look at " + recipe_.path);
        if (recipe_.pin)
            return pinned_path(S_ISDIR(status.st_mode));
        call_.progress({"read the image", 0, 0, {}});
        if (S_ISDIR(status.st_mode) && !is_image_directory(recipe_.path) && (recipe_.any_directory || is_root(recipe_.path)))
            return plain(stream_tree(recipe_.path, request_.output, call_));
        if (S_ISREG(status.st_mode) && is_ext4(recipe_.path))
            return plain(ext4());
        if (!S_ISDIR(status.st_mode)) {
            auto image = holds_image(recipe_.path);
            if (!image)
                return std::move(image).error();
            if (!*image)
                return plain(archive());
        }
        std::string directory = recipe_.path;
        if (!S_ISDIR(status.st_mode)) {
            directory = request_.directory + "/archive";
            if (auto made = sdk::os::make_private_directory(directory); !made)
                return std::move(made).error();
            const auto digest = unpack(recipe_.path, directory, {request_.most_entries, request_.most_bytes}, call_);
            if (!digest)
                return digest.error();
            if (auto same = check_unchanged(*digest); !same)
                return std::move(same).error();
        }
        auto image = read_local(directory, recipe_.platform);
        if (!image)
            return std::move(image).error().while_doing("read " + recipe_.path);
        // Its layers are named by digests, which are looked at while they are streamed.
        if (S_ISDIR(status.st_mode))
            if (auto same = check_unchanged(image->digest); !same)
                return std::move(same).error();
        for (std::size_t i = 0; i < image->layers.size(); ++i) {
            tell("read layer", i, image->layers.size());
            if (auto streamed = stream(image->layers[i]); !streamed)
                return std::move(streamed).error();
        }
        return finish(image->digest, image->config, image->layers.size());
    }

    Result<sdk::ImageStream> from_machine()
    {
        if (auto streamed = stream_disks(*recipe_.machine, request_.directory, request_.output, call_); !streamed)
            return std::move(streamed).error();
        return sdk::ImageStream{"tar", recipe_.execution.empty() ? sdk::Fields{} : sdk::Fields{{"execution", recipe_.execution}}};
    }

    void tell(const std::string& stage, std::size_t done, std::size_t total)
    {
        call_.progress({stage, done, total, "layers"});
    }

    Result<void> stream(const LocalLayer& layer)
    {
        auto file = sdk::os::open_file(layer.path, O_RDONLY | O_NOFOLLOW);
        if (!file)
            return std::move(file).error();
        const LayerBlob blob{layer.name, layer.digest, layer.uncompressed, layer.size, std::move(*file)};
        const auto length = stream_layer(blob, request_.output, call_);
        if (!length)
            return length.error();
        lengths_ += (lengths_.empty() ? "" : " ") + std::to_string(*length);
        return {};
    }

    Result<sdk::ImageStream> finish(const std::string& digest, const std::string& config, std::size_t layers)
    {
        tell("read layer", layers, layers);
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (auto ended = end_stream(request_.output); !ended)
            return std::move(ended).error();
        return sdk::ImageStream{"tar",
                                {{"digest", digest},
                                 {"platform", platform_of(config, recipe_.platform)},
                                 {"layers", std::to_string(layers)},
                                 {"layer_bytes", lengths_},
                                 {"execution", execution_of(config)}}};
    }

    Recipe recipe_;
    const Options& options_;
    const sdk::ImageRequest& request_;
    sdk::Call& call_;
    bool streaming_ = false;
    std::string lengths_;  // of the layers that were streamed
};

class OciImageSource final : public sdk::ImageSource {
public:
    explicit OciImageSource(Options options) : options_(std::move(options)) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = "images for " + options_.platform + " come from registries, layouts and archives";
        return probe;
    }

    Result<sdk::ImageStream> fetch(const sdk::ImageRequest& request, sdk::Call& call) override
    {
        auto recipe = read_recipe(request.recipe, options_.platform);
        if (!recipe)
            return std::move(recipe).error();
        return ImageFetch(std::move(*recipe), options_, request, call).go();
    }

private:
    Options options_;
};

}  // namespace

Result<std::unique_ptr<sdk::ImageSource>> make_image_source(sdk::Host& host, const std::string& config)
{
    auto options = read_options(config, host.cache_directory() + "/blobs");
    if (!options)
        return std::move(options).error();
    return std::unique_ptr<sdk::ImageSource>(std::make_unique<OciImageSource>(std::move(*options)));
}

}  // namespace banger::oci
