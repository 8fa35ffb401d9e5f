// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/image_store.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/images/collection.hpp"
#include "core/images/image_import.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t format_version = 1;
constexpr const char* record_name = "/image.json";

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
    record.set("version", format_version)
        .set("id", id)
        .set("name", entry.name)
        .set("kernel", entry.kernel)
        .set("source", entry.source)
        .set("recipe", *recipe)
        .set("created", static_cast<std::int64_t>(::time(nullptr)))
        .set("root_bytes", static_cast<std::uint64_t>(root.st_size))
        .set("work_bytes", static_cast<std::uint64_t>(work.st_size))
        .set("facts", facts);
    return sdk::os::write_file_atomic(directory + record_name, json::to_pretty(record.value()), 0444);
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
    const auto text = sdk::os::read_file(directory + record_name);
    if (!text)
        return text.error();
    const auto record = json::parse_object(*text, "image.json");
    if (!record)
        return record.error();
    const auto version = json::require_uint(*record, "version", "image.json");
    if (!version)
        return version.error();
    if (*version != format_version)
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
    image.root = std::move(*root);
    image.work = std::move(*work);
    image.kernel = json::string_or(*record, "kernel");
    image.created = *created;
    image.bytes = allocated_bytes(image.root.path) + allocated_bytes(image.work.path);
    image.facts = json::find_fields(*record, "facts");
    return image;
}

Craft<Image> craft(const Catalogue& catalogue, FindImageSource find_source)
{
    Craft<Image> craft;
    craft.word = "image";
    craft.catalogue = &catalogue.images();
    craft.look_up = [&catalogue](const std::string& name) { return catalogue.image(name); };
    craft.read = read_image;
    craft.make = [find_source = std::move(find_source)](const CatalogueEntry& entry, const std::string& id,
                                                        const std::string& staging, LinkedCall& call) -> Result<void> {
        const auto source = find_source(entry.source);
        if (!source)
            return source.error();
        if (auto usable = check_source("image", entry.source, **source, call); !usable)
            return usable;
        const auto facts = import_image(entry, id, **source, staging, call);
        if (!facts)
            return facts.error();
        return write_record(staging, entry, id, *facts);
    };
    craft.name_it = [](Image& image, const CatalogueEntry& entry) {
        image.name = entry.name;
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

struct ImageStore::State {
    Collection<Image> images;
    const Catalogue& catalogue;
};

ImageStore::ImageStore(std::string directory, const Catalogue& catalogue, FindImageSource find_source)
    : state_(new State{Collection<Image>(std::move(directory), craft(catalogue, std::move(find_source))), catalogue})
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

Result<Image> ImageStore::pull(const std::string& name, sdk::Call& call)
{
    auto found = is_reference(name) ? state_->images.find(name) : state_->images.pull(name, call);
    if (!is_reference(name) || found || found.error().code != Code::not_found)
        return found;
    json::Object recipe;
    recipe.set("reference", name);
    return state_->images.obtain(oci_entry(name, recipe, state_->catalogue), call);
}

bool ImageStore::is_reference(const std::string& name)
{
    return name.find_first_of(":/@") != std::string::npos;
}

Result<Image> ImageStore::import(const std::string& path, const std::string& name, sdk::Call& call)
{
    struct stat status {};
    // A layout is written anew by the file that lists its images.
    const std::string index = path + "/index.json";
    if (::stat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (S_ISDIR(status.st_mode) && ::stat(index.c_str(), &status) != 0 && errno != ENOENT)
        return sdk::os_error("look at " + index);
    json::Object recipe;
    recipe.set("path", path).set("stamp", std::to_string(status.st_ino) + " " + std::to_string(status.st_size) + " " +
                                              std::to_string(status.st_mtim.tv_sec) + "." +
                                              std::to_string(status.st_mtim.tv_nsec) + " " + name);
    return state_->images.obtain(oci_entry(name, recipe, state_->catalogue), call);
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
