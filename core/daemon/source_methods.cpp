// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "core/config/limits.hpp"
#include "core/daemon/service.hpp"
#include "core/images/bundle.hpp"
#include "core/images/download_cache.hpp"
#include "core/images/published_catalogue.hpp"
#include "core/lifecycle/sources.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/model/timestamp.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using images::CatalogueEntry;
using lifecycle::Operation;

std::string joined(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

json::Object entry_json(const CatalogueEntry& entry)
{
    json::Object object;
    object.set("name", entry.name).set("description", entry.description).set("source", entry.source);
    object.set("default", entry.is_default);
    return object;
}

std::string other_names_of(const images::Kernel& /*kernel*/)
{
    return {};
}

std::string other_names_of(const images::Image& image)
{
    return image.other_names.empty() ? std::string() : ", also called " + joined(image.other_names);
}

// What is only in the store: a container image, or the catalogue's entry changed or went since it was pulled. A damaged
// one may not even say what it was.
template <typename Item>
CatalogueEntry nameless(const Item& item)
{
    CatalogueEntry entry;
    entry.name = item.name.empty() ? item.id : item.name;
    if (!item.problem.empty())
        entry.description = "pulled earlier, and damaged";
    else if (item.facts.contains("imported_from"))
        entry.description = "imported from " + item.facts.at("imported_from");
    else if (item.facts.contains("layers"))
        entry.description = "a container image" + other_names_of(item);
    else if (item.name.find_first_of(":/@") != std::string::npos)
        entry.description = "a root file system of somebody's own" + other_names_of(item);
    else
        entry.description = "pulled earlier; the catalogue has another by now";
    return entry;
}

/// What differs between images and kernels; everything else about listing, pulling and deleting is the same.
struct ImageRoom {
    using Item = images::Image;
    static constexpr const char* plural = "images";
    static auto& store(Service& service) { return service.engine().images; }
    static const auto& entries(Service& service) { return service.engine().catalogue.images(); }
    static auto entry(Service& service, const std::string& name) { return service.engine().catalogue.image(name); }
    static constexpr auto users = lifecycle::users_of_image;
    static constexpr auto remove = lifecycle::remove_image;
    static void add_own(json::Object& object, const CatalogueEntry& entry, const images::Image* image)
    {
        object.set("kernel", image != nullptr ? image->kernel : entry.kernel);
        object.set("disk_bytes", image != nullptr ? image->disk_bytes : 0);
        object.set("kept", image != nullptr && image->kept);
    }
};

struct KernelRoom {
    using Item = images::Kernel;
    static constexpr const char* plural = "kernels";
    static auto& store(Service& service) { return service.engine().kernels; }
    static const auto& entries(Service& service) { return service.engine().catalogue.kernels(); }
    static auto entry(Service& service, const std::string& name) { return service.engine().catalogue.kernel(name); }
    static constexpr auto users = lifecycle::users_of_kernel;
    static constexpr auto remove = lifecycle::remove_kernel;
    static void add_own(json::Object& object, const CatalogueEntry&, const images::Kernel* kernel)
    {
        object.set("version", kernel != nullptr ? kernel->version : "");
    }
};

template <typename Room, typename Item>
json::Object view(Service& service, const CatalogueEntry& entry, const Item* item)
{
    json::Object object = entry_json(entry);
    const bool damaged = item != nullptr && !item->problem.empty();
    object.set("state", damaged ? "damaged" : item != nullptr ? "pulled" : "available");
    object.set("problem", damaged ? item->problem : std::string());
    object.set("id", item != nullptr ? item->id : "").set("bytes", item != nullptr ? item->bytes : 0);
    object.set("created", item != nullptr ? model::rfc3339(item->created) : "");
    const auto users = Room::users(service.engine(), item != nullptr ? item->id : "");
    object.set("used_by", item != nullptr && users ? *users : std::vector<std::string>());
    object.set("facts", item != nullptr ? item->facts : sdk::Fields());
    Room::add_own(object, entry, item);
    return object;
}

// As `find`, and what is here but cannot be used is found too, with its `problem`.
template <typename Room>
sdk::Result<typename Room::Item> find_even_damaged(Service& service, const std::string& name)
{
    auto item = Room::store(service).find(name);
    if (item || item.error().code == sdk::Code::not_found)
        return item;
    auto all = Room::store(service).list();
    if (!all)
        return std::move(all).error();
    for (auto& one : *all)
        if (!one.problem.empty() && (one.id == name || one.name == name))
            return std::move(one);
    return item;
}

template <typename Room>
sdk::Result<Answer> list_of_room(Service& service, const Exchange& exchange, Operation&)
{
    const bool available = json::bool_or(exchange->params(), "available");
    auto pulled = Room::store(service).list();
    if (!pulled)
        return std::move(pulled).error();
    json::Array all;
    std::vector<std::string> shown;
    for (const auto& entry : Room::entries(service)) {
        auto item = find_even_damaged<Room>(service, entry.name);
        if (!item || !available)
            all.add(view<Room>(service, entry, item ? &*item : nullptr));
        if (item)
            shown.push_back(item->id);
    }
    for (const auto& item : *pulled)
        if (!available && std::find(shown.begin(), shown.end(), item.id) == shown.end())
            all.add(view<Room>(service, nameless(item), &item));
    json::Object result;
    result.set(Room::plural, all);
    return Answer{std::move(result), {}};
}

template <typename Room>
sdk::Result<Answer> show_of_room(Service& service, const Exchange& exchange, Operation&)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto entry = Room::entry(service, *name);
    auto item = find_even_damaged<Room>(service, *name);
    if (item)
        return Answer{view<Room>(service, entry ? *entry : nameless(*item), &*item), {}};
    if (item.error().code != sdk::Code::not_found)
        return std::move(item).error();
    if (!entry)
        return std::move(entry).error();
    return Answer{view<Room>(service, *entry, static_cast<typename Room::Item*>(nullptr)), {}};
}

// What the request says about an image, checked.
sdk::Result<images::ImageChoices> choices_of(Service& service, const json::Value& params)
{
    images::ImageChoices choices{json::string_or(params, "as"), json::string_or(params, "kernel"),
                                 json::string_or(params, "platform"), json::uint_or(params, "disk_bytes"), json::bool_or(params, "any_directory")};
    if (!choices.kernel.empty())
        if (auto kernel = service.engine().kernels.find(choices.kernel); !kernel)
            if (auto entry = service.engine().catalogue.kernel(choices.kernel); !entry)
                return std::move(entry).error();
    if (choices.disk_bytes != 0)
        if (auto legal = config::check_disk("size", static_cast<std::int64_t>(choices.disk_bytes)); !legal)
            return std::move(legal).error();
    return choices;
}

sdk::Result<images::Image> pull_item(Service& service, const std::string& name, const json::Value& params,
                                     Operation& operation, ImageRoom /*room*/)
{
    auto choices = choices_of(service, params);
    if (!choices)
        return std::move(choices).error();
    return service.engine().images.pull(name, operation, *choices);
}

sdk::Result<images::Kernel> pull_item(Service& service, const std::string& name, const json::Value& /*params*/,
                                      Operation& operation, KernelRoom /*room*/)
{
    return service.engine().kernels.pull(name, operation);
}

template <typename Room>
sdk::Result<Answer> pull(Service& service, const Exchange& exchange, Operation& operation)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    const auto span = operation.span("pull");
    auto item = pull_item(service, *name, exchange->params(), operation, Room());
    if (!item)
        return std::move(item).error();
    auto entry = Room::entry(service, *name);
    return Answer{view<Room>(service, entry ? *entry : nameless(*item), &*item), {}};
}

sdk::Result<Answer> import(Service& service, const Exchange& exchange, Operation& operation)
{
    auto path = json::require_string(exchange->params(), "path", "the request");
    if (!path)
        return std::move(path).error();
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto choices = choices_of(service, exchange->params());
    if (!choices)
        return std::move(choices).error();
    const auto span = operation.span("import");
    auto image = service.engine().images.import(*path, *name, operation, *choices);
    if (!image)
        return std::move(image).error();
    return Answer{view<ImageRoom>(service, nameless(*image), &*image), {}};
}

sdk::Result<Answer> import_kernel(Service& service, const Exchange& exchange, Operation& operation)
{
    images::KernelFiles files;
    for (auto [key, field] : {std::pair{"path", &files.kernel}, std::pair{"name", &files.name}}) {
        auto text = json::require_string(exchange->params(), key, "the request");
        if (!text)
            return std::move(text).error();
        *field = std::move(*text);
    }
    files.modules = json::string_or(exchange->params(), "modules");
    files.configuration = json::string_or(exchange->params(), "config");
    files.command_line = json::string_or(exchange->params(), "command_line");
    const auto span = operation.span("import");
    auto kernel = service.engine().kernels.import(files, operation);
    if (!kernel)
        return std::move(kernel).error();
    return Answer{view<KernelRoom>(service, nameless(*kernel), &*kernel), {}};
}

// The bundle in the answer, and the directory it is in, from the request.
template <typename Room>
sdk::Result<Answer> bundle(Service& service, const Exchange& exchange, Operation& operation, bool publish)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto directory = json::require_string(exchange->params(), "directory", "the request");
    if (!directory)
        return std::move(directory).error();
    auto item = Room::store(service).find(*name);
    if (!item)
        return std::move(item).error();
    const auto as = json::string_or(exchange->params(), "as");
    if (!images::is_catalogue_name(as))
        return sdk::make_error(sdk::Code::invalid, "'" + as + "' cannot be the name of an entry of a catalogue",
                               "give it a --name: one word of a-z, 0-9, '-' and '.'");
    const auto span = operation.span("bundle");
    if (auto made = images::make_published_directory(*directory); !made)
        return std::move(made).error();
    auto written = images::write_bundle(*item, as, *directory, operation);
    if (!written)
        return std::move(written).error();
    if (publish)
        if (auto added = images::add_to_catalogue(*written, *directory, operation); !added)
            return std::move(added).error();
    const auto entry = json::parse(written->entry, "the entry");
    if (!entry)
        return entry.error();
    json::Object result;
    result.set("file", *directory + "/" + written->file).set("digest", written->digest).set("bytes", written->bytes);
    result.set("entry", *entry);
    return Answer{std::move(result), {}};
}

// Of a VM of that name, or of an image; one that is called so goes before a VM whose name only begins so.
sdk::Result<images::Image> promoted(Service& service, const std::string& name, const images::ImageChoices& choices,
                                    Operation& operation)
{
    auto& engine = service.engine();
    const auto vm = engine.store.find(name);
    const auto image = engine.images.find(name);
    if (vm && (vm->name == name || vm->id == name || !image))
        return lifecycle::promote_vm(engine, name, choices, operation);
    if (image)
        return engine.images.keep(name, choices);
    if (vm.error().code != sdk::Code::not_found)
        return vm.error();
    return sdk::make_error(sdk::Code::not_found, "there is neither a vm '" + name + "' nor such an image here",
                           "`banger vm list` and `banger image list` show what there is");
}

sdk::Result<Answer> promote(Service& service, const Exchange& exchange, Operation& operation)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto choices = choices_of(service, exchange->params());
    if (!choices)
        return std::move(choices).error();
    const auto span = operation.span("promote");
    auto image = promoted(service, *name, *choices, operation);
    if (!image)
        return std::move(image).error();
    return Answer{view<ImageRoom>(service, nameless(*image), &*image), {}};
}

json::Object spare_json(const lifecycle::SpareImage& spare)
{
    json::Object object;
    object.set("id", spare.image.id).set("name", spare.image.name.empty() ? spare.image.id : spare.image.name);
    object.set("bytes", spare.image.bytes).set("why", spare.why);
    return object;
}

// Whoever asked has seen which they are, and means those: what became spare meanwhile stays.
sdk::Result<Answer> prune(Service& service, const Exchange& exchange, Operation& operation)
{
    const auto& params = exchange->params();
    const auto spare = lifecycle::spare_images(service.engine(), json::bool_or(params, "all"));
    if (!spare)
        return spare.error();
    const bool dry_run = json::bool_or(params, "dry_run");
    const auto meant = json::find_strings(params, "only");
    json::Array gone;
    std::uint64_t freed_bytes = 0;
    for (const auto& one : *spare) {
        if (!dry_run && std::find(meant.begin(), meant.end(), one.image.id) == meant.end())
            continue;
        auto freed = dry_run ? sdk::Result<std::uint64_t>(one.image.bytes)
                             : lifecycle::remove_image(service.engine(), one.image.id, one.image.name, operation);
        if (!freed && freed.error().code == sdk::Code::busy)
            continue;  // taken meanwhile
        if (!freed)
            return std::move(freed).error();
        gone.add(spare_json(one));
        freed_bytes += *freed;
    }
    json::Object result;
    result.set("images", gone).set("freed_bytes", freed_bytes);
    return Answer{std::move(result), {}};
}

sdk::Result<Answer> prune_cache(Service& service, const Exchange& exchange, Operation&)
{
    const bool dry_run = json::bool_or(exchange->params(), "dry_run");
    const auto downloads = images::idle_downloads(service.engine().paths.plugin_cache());
    if (!downloads)
        return downloads.error();
    std::uint64_t freed = 0;
    for (const auto& download : *downloads) {
        auto removed = dry_run ? sdk::Result<std::uint64_t>(download.bytes) : images::remove_download(download);
        if (!removed)
            return std::move(removed).error();
        freed += *removed;
    }
    json::Object result;
    result.set("files", static_cast<std::uint64_t>(downloads->size())).set("freed_bytes", freed);
    return Answer{std::move(result), {}};
}

template <typename Room>
sdk::Result<Answer> remove_of_room(Service& service, const Exchange& exchange, Operation& operation)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto item = find_even_damaged<Room>(service, *name);
    if (!item)
        return std::move(item).error();
    auto freed = Room::remove(service.engine(), item->id, *name, operation);
    if (!freed)
        return std::move(freed).error();
    json::Object result;
    result.set("name", *name).set("freed_bytes", *freed);
    return Answer{std::move(result), {}};
}

template <typename Room>
Methods methods_of(const std::string& prefix)
{
    const auto bundles = [](bool publish) {
        return [publish](Service& service, const Exchange& exchange, Operation& operation) {
            return bundle<Room>(service, exchange, operation, publish);
        };
    };
    return {{prefix + ".list", list_of_room<Room>},
            {prefix + ".show", show_of_room<Room>},
            {prefix + ".pull", pull<Room>},
            {prefix + ".bundle", bundles(false)},
            {prefix + ".publish", bundles(true)},
            {prefix + ".delete", remove_of_room<Room>}};
}

}  // namespace

Methods source_methods()
{
    Methods methods = methods_of<ImageRoom>("image");
    methods.merge(methods_of<KernelRoom>("kernel"));
    methods.merge(Methods{{"image.import", import},
                          {"image.promote", promote},
                          {"image.prune", prune},
                          {"image.cache_prune", prune_cache},
                          {"kernel.import", import_kernel}});
    return methods;
}

}  // namespace banger::daemon
