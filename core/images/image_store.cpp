// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/image_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <mutex>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/base/nearest.hpp"
#include "core/images/bundle.hpp"
#include "core/images/collection.hpp"
#include "core/images/image_import.hpp"
#include "core/images/noted_choices.hpp"
#include "core/images/source_choices.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t image_format_version = 1;
constexpr const char* image_record_name = "/image.json";

Result<void> write_record(const std::string& directory, const CatalogueEntry& entry, const std::string& id,
                          const sdk::Fields& facts)
{
    const auto recipe = json::parse(entry.recipe, "the recipe");
    if (!recipe)
        return recipe.error();
    struct stat root {};
    struct stat work {};
    if (::stat((directory + "/" + root_layer).c_str(), &root) != 0 ||
        ::stat((directory + "/" + work_layer).c_str(), &work) != 0)
        return sdk::os_error("look at the layers in " + directory);
    json::Object record;
    record.set("version", image_format_version)
        .set("id", id)
        .set("name", entry.name)
        .set("kernel", entry.kernel)
        .set("source", entry.source)
        .set("recipe", *recipe)
        .set("created", static_cast<std::int64_t>(::time(nullptr)))
        .set("root_bytes", static_cast<std::uint64_t>(root.st_size))
        .set("work_bytes", static_cast<std::uint64_t>(work.st_size))
        .set("facts", facts);
    return sdk::os::write_file_atomic(directory + image_record_name, json::to_pretty(record.value()), 0444);
}

Result<sdk::Layer> read_layer(const std::string& path, std::uint64_t bytes)
{
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != bytes)
        return sdk::make_error(Code::corrupt,
                               path + " is not the file of " + std::to_string(bytes) + " bytes that was written");
    return sdk::Layer{path, bytes};
}

Result<Image> read_image(const std::string& directory, const std::string& id)
{
    const auto text = sdk::os::read_file(directory + image_record_name);
    if (!text)
        return text.error();
    const auto record = json::parse_object(*text, "image.json");
    if (!record)
        return record.error();
    const auto version = json::require_uint(*record, "version", "image.json");
    if (!version)
        return version.error();
    if (*version != image_format_version)
        return sdk::make_error(Code::unsupported,
                               "the image in " + directory + " was made by another version of banger",
                               "`banger image delete " + id + "` removes it");
    const auto name = json::require_string(*record, "name", "image.json");
    const auto created = json::find_int(*record, "created");
    auto root = read_layer(directory + "/" + root_layer, json::uint_or(*record, "root_bytes"));
    if (!root)
        return std::move(root).error();
    auto work = read_layer(directory + "/" + work_layer, json::uint_or(*record, "work_bytes"));
    if (!work)
        return std::move(work).error();
    if (!name || !created || json::string_or(*record, "id") != id)
        return sdk::make_error(Code::corrupt, "image.json is incomplete or another image's");

    Image image;
    image.id = id;
    image.name = *name;
    image.other_names = json::find_strings(*record, "other_names");
    if (const auto* when = json::find(*record, "named"); when != nullptr && when->IsObject())
        for (const auto& member : when->GetObject())
            if (member.value.IsInt64())
                image.named.emplace(member.name.GetString(), member.value.GetInt64());
    image.root = std::move(*root);
    image.work = std::move(*work);
    image.kernel = json::string_or(*record, "kernel");
    // Earlier versions did not note it of what they imported, which nobody has elsewhere.
    const auto* recipe = json::find(*record, "recipe");
    image.kept = json::bool_or(*record, "kept") || (recipe != nullptr && json::find(*recipe, "path") != nullptr);
    image.kernel_chosen = json::bool_or(*record, "kernel_chosen");
    image.disk_bytes = json::uint_or(*record, "disk_bytes");
    image.created = *created;
    image.bytes = allocated_bytes(image.root.path) + allocated_bytes(image.work.path);
    image.facts = json::find_fields(*record, "facts");
    return image;
}

// A machine is a PC with 64 bits, which runs the code of those with 32 too.
bool runs_here(const Image& image)
{
    const auto platform = image.facts.find("platform");
    if (platform == image.facts.end())
        return true;
    for (const std::string_view ours : {"linux/amd64", "linux/386"})
        if (platform->second == ours || platform->second.starts_with(std::string(ours) + "/"))
            return true;
    return false;
}

bool is_rather_meant(const Image& one, const Image& other, const std::string& name)
{
    return runs_here(one) == runs_here(other) ? named_at(one, name) > named_at(other, name) : runs_here(one);
}

Craft<Image> craft(const Catalogue& catalogue, FindImageSource find_source, const ImportLimits& limits)
{
    Craft<Image> craft;
    craft.word = "image";
    craft.catalogue = &catalogue.images();
    craft.look_up = [&catalogue](const std::string& name) { return catalogue.image(name); };
    craft.read = read_image;
    craft.is_called = [](const Image& image, const std::string& name) { return named_at(image, name).has_value(); };
    craft.is_rather_meant = is_rather_meant;
    craft.make = [find_source = std::move(find_source), limits](const CatalogueEntry& entry, const std::string& id,
                                                        const std::string& staging, LinkedCall& call) {
        return make_by_choices(entry, staging, call, [&](const CatalogueEntry& choice, LinkedCall& attempt) -> Result<void> {
            const auto source = find_source(choice.source);
            if (!source)
                return source.error();
            if (auto usable = check_source("image", choice.source, **source, attempt); !usable)
                return usable;
            const auto facts = import_image(choice, id, **source, staging, limits, attempt);
            if (!facts)
                return facts.error();
            return write_record(staging, choice, id, *facts);
        });
    };
    craft.name_it = [](Image& image, const CatalogueEntry& entry) {
        image.name = entry.name;
        if (!image.kernel_chosen)
            image.kernel = entry.kernel;
    };
    return craft;
}

// What no catalogue lists, as an entry that source "oci" understands.
CatalogueEntry oci_entry(const std::string& name, const json::Object& recipe, const Catalogue& catalogue)
{
    CatalogueEntry entry;
    entry.name = name;
    entry.description = "an OCI image";
    entry.source = "oci";
    entry.recipe = json::to_text(recipe.value());
    entry.kernel = catalogue.default_kernel();
    return entry;
}

}  // namespace

std::map<std::string, std::string> environment_of(const Image& image)
{
    std::map<std::string, std::string> environment;
    const auto execution = image.facts.find("execution");
    if (execution == image.facts.end())
        return environment;
    const auto parsed = json::parse_object(execution->second, "the image's configuration");
    if (!parsed)
        return environment;
    for (const auto& line : json::find_strings(*parsed, "Env"))
        if (const auto equals = line.find('='); equals != std::string::npos && equals > 0)
            environment.emplace(line.substr(0, equals), line.substr(equals + 1));
    return environment;
}

Result<void> check_platform(const Image& image, const std::string& name)
{
    if (runs_here(image))
        return {};
    return sdk::make_error(Code::unsupported,
                           "image '" + name + "' is for " + image.facts.at("platform") + ", which no machine here can run",
                           "if there is one for linux/amd64: `banger image pull --platform linux/amd64 " + name + "`");
}

struct ImageStore::State {
    Collection<Image> images;
    const Catalogue& catalogue;
    FindImageSource find_source;
    std::string directory;
    std::mutex noting = {};

    // What a name of somebody else's means now. The catalogue's own are recipes and need nobody.
    [[nodiscard]] Result<CatalogueEntry> pin(CatalogueEntry entry, sdk::Call& call) const
    {
        const auto source = find_source(entry.source);
        if (!source)
            return source.error();
        if (auto usable = check_source("image", entry.source, **source, call); !usable)
            return std::move(usable).error();
        const auto nowhere = sdk::os::open_file("/dev/null", O_WRONLY);
        if (!nowhere)
            return nowhere.error();
        auto answer = (*source)->fetch({entry.name, entry.recipe, {}, nowhere->get()}, call);
        if (!answer)
            return std::move(answer).error().while_doing("pull image '" + entry.name + "'");
        if (answer->format != "recipe")
            return sdk::make_error(Code::unsupported, "image source '" + entry.source + "' pins no references");
        entry.recipe = answer->facts["recipe"];
        entry.identity = answer->facts["identity"];
        return entry;
    }

    [[nodiscard]] std::vector<std::string> names_of_catalogue() const
    {
        std::vector<std::string> names;
        for (const auto& entry : catalogue.images())
            names.push_back(entry.name);
        return names;
    }

    // What no registry gives may be a name of the catalogue, misspelt.
    [[nodiscard]] sdk::Error with_nearest(sdk::Error error, const std::string& name) const
    {
        const auto near = base::nearest(name, names_of_catalogue());
        if (!near || (error.code != Code::not_found && error.code != Code::permission && error.code != Code::unavailable))
            return error;
        error.hint = "did you mean '" + *near + "'?" + (error.hint.empty() ? "" : " If not: " + error.hint);
        return error;
    }

    // Has the record say names and choices too.
    Result<Image> noted(Result<Image> image, const std::string& name, const ImageChoices& choices, bool keep = false)
    {
        if (!image || (name.empty() && !keep && choices == ImageChoices{}))
            return image;
        const std::lock_guard held(noting);  // those that pulled it together note at the same time
        const auto all = images.list();
        if (!all)
            return all.error();
        const std::string record = directory + "/" + image->id + image_record_name;
        return note_choices(record, std::move(*image), *all, name, choices, keep);
    }

    Result<Image> import_bundle(const std::string& path, const std::string& name, const ImageChoices& choices, sdk::Call& call)
    {
        if (!choices.platform.empty())
            return sdk::make_error(Code::invalid, path + " is a bundle, which holds one image", "leave out --platform");
        auto bundle = recipe_of_bundle(path, call);
        if (!bundle)
            return std::move(bundle).error();
        CatalogueEntry entry;
        entry.name = name;
        entry.description = "an image from a bundle";
        entry.source = "catalog";
        entry.recipe = std::move(bundle->recipe);
        entry.identity = std::move(bundle->identity);
        entry.kernel = catalogue.default_kernel();
        return noted(images.obtain(entry, call), name, choices, true);
    }

    Result<Image> obtain_pinned(const CatalogueEntry& entry, const ImageChoices& choices, sdk::Call& call, bool keep = false)
    {
        auto pinned = pin(entry, call);
        if (!pinned)
            return std::move(pinned).error();
        return noted(images.obtain(*pinned, call), entry.name, choices, keep);
    }
};

ImageStore::ImageStore(std::string directory, const Catalogue& catalogue, FindImageSource find_source,
                       const ImportLimits& limits)
    : state_(new State{Collection<Image>(directory, craft(catalogue, find_source, limits)), catalogue, find_source,
                       directory})
{
}

ImageStore::~ImageStore() = default;

Result<std::vector<Image>> ImageStore::list() const
{
    return state_->images.list();
}

Result<Image> ImageStore::find(const std::string& name) const
{
    return state_->images.find(name);
}

Result<Image> ImageStore::pull(const std::string& name, sdk::Call& call, const ImageChoices& choices)
{
    if (!is_reference(name)) {
        if (!choices.platform.empty())
            return sdk::make_error(Code::invalid, "image '" + name + "' is the catalogue's, which says its platform",
                                   "leave out --platform");
        return state_->noted(state_->images.pull(name, call), {}, choices);
    }
    auto found = state_->images.find(name);
    if (choices.platform.empty() && (found || found.error().code != Code::not_found))
        return state_->noted(std::move(found), {}, choices);
    json::Object recipe;
    recipe.set("reference", name).set("pin", "now");
    if (!choices.platform.empty())
        recipe.set("platform", choices.platform);
    auto image = state_->obtain_pinned(oci_entry(name, recipe, state_->catalogue), choices, call);
    return image ? image : state_->with_nearest(std::move(image).error(), name);
}

bool ImageStore::is_reference(const std::string& name) const
{
    if (name.find_first_of(":/@") != std::string::npos)
        return true;
    const auto known = state_->names_of_catalogue();
    const bool spelled_so = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") ==
                                                 std::string::npos;
    return spelled_so && !is_recipe_id(name) && std::find(known.begin(), known.end(), name) == known.end();
}

Result<Image> ImageStore::import(const std::string& path, const std::string& name, sdk::Call& call,
                                 const ImageChoices& choices)
{
    if (const auto bundled = bundle_in(path))
        return *bundled == BundleOf::image
                   ? state_->import_bundle(path, name, choices, call)
                   : sdk::make_error(Code::invalid, path + " is the bundle of a kernel", "`banger kernel import` takes it");
    json::Object recipe;
    recipe.set("path", path).set("pin", "now");
    if (choices.any_directory)
        recipe.set("directory", "any");
    if (!choices.platform.empty())
        recipe.set("platform", choices.platform);
    return state_->obtain_pinned(oci_entry(name, recipe, state_->catalogue), choices, call, true);
}

Result<Image> ImageStore::import_disks(const MachineDisks& disks, const std::string& name, sdk::Call& call,
                                       const ImageChoices& choices)
{
    json::Object recipe;
    for (const auto& [key, disk] : {std::pair{"root", &disks.root}, std::pair{"work", &disks.work}})
        recipe.set(key, json::Object().set("path", disk->path).set("format", disk->format));
    recipe.set("client_key", disks.client_key).set("execution", disks.execution);
    // They may hold something else tomorrow.
    recipe.set("stamp", std::to_string(std::chrono::system_clock::now().time_since_epoch().count()));
    const auto entry = oci_entry(name, recipe, state_->catalogue);
    return state_->noted(state_->images.obtain(entry, call), name, choices, true);
}

Result<Image> ImageStore::keep(const std::string& name, const ImageChoices& choices)
{
    return state_->noted(state_->images.find(name), {}, choices, true);
}

Result<std::uint64_t> ImageStore::remove(const std::string& name)
{
    return state_->images.remove(name);
}

void ImageStore::sweep()
{
    state_->images.sweep();
}

}  // namespace banger::images
