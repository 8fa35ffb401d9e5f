// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/daemon/service.hpp"
#include "core/model/timestamp.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using images::CatalogueEntry;
using lifecycle::Operation;

json::Object entry_json(const CatalogueEntry& entry)
{
    json::Object object;
    object.set("name", entry.name).set("description", entry.description).set("source", entry.source);
    object.set("default", entry.is_default);
    return object;
}

// What is only in the store: the catalogue's entry changed or went since it was pulled. A damaged one may not even say
// what it was.
template <typename Item>
CatalogueEntry nameless(const Item& item)
{
    CatalogueEntry entry;
    entry.name = item.name.empty() ? item.id : item.name;
    entry.description = item.problem.empty() ? "pulled earlier; the catalogue has another by now"
                                             : "pulled earlier, and damaged";
    return entry;
}

/// What differs between images and kernels; everything else about listing, pulling and deleting is the same.
struct ImageRoom {
    using Item = images::Image;
    static constexpr const char* plural = "images";
    static auto& store(Service& service) { return service.engine().images; }
    static const auto& entries(Service& service) { return service.engine().catalogue.images(); }
    static auto entry(Service& service, const std::string& name) { return service.engine().catalogue.image(name); }
    static std::string id_used_by(const model::VmRecord& vm) { return vm.image_id; }
    static void add_own(json::Object& object, const CatalogueEntry& entry, const images::Image* image)
    {
        object.set("kernel", image != nullptr ? image->kernel : entry.kernel);
    }
};

struct KernelRoom {
    using Item = images::Kernel;
    static constexpr const char* plural = "kernels";
    static auto& store(Service& service) { return service.engine().kernels; }
    static const auto& entries(Service& service) { return service.engine().catalogue.kernels(); }
    static auto entry(Service& service, const std::string& name) { return service.engine().catalogue.kernel(name); }
    static std::string id_used_by(const model::VmRecord& vm) { return vm.kernel_id; }
    static void add_own(json::Object& object, const CatalogueEntry&, const images::Kernel* kernel)
    {
        object.set("version", kernel != nullptr ? kernel->version : "");
    }
};

template <typename Room>
sdk::Result<std::vector<std::string>> users_of(Service& service, const std::string& id)
{
    auto records = service.engine().store.list();
    if (!records)
        return std::move(records).error();
    std::vector<std::string> names;
    for (const auto& vm : *records)
        if (Room::id_used_by(vm) == id)
            names.push_back(vm.name);
    return names;
}

template <typename Room, typename Item>
json::Object view(Service& service, const CatalogueEntry& entry, const Item* item)
{
    json::Object object = entry_json(entry);
    const bool damaged = item != nullptr && !item->problem.empty();
    object.set("state", damaged ? "damaged" : item != nullptr ? "pulled" : "available");
    object.set("problem", damaged ? item->problem : std::string());
    object.set("id", item != nullptr ? item->id : "").set("bytes", item != nullptr ? item->bytes : 0);
    object.set("created", item != nullptr ? model::rfc3339(item->created) : "");
    const auto users = users_of<Room>(service, item != nullptr ? item->id : "");
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
sdk::Result<Answer> list(Service& service, const Exchange&, Operation&)
{
    auto pulled = Room::store(service).list();
    if (!pulled)
        return std::move(pulled).error();
    json::Array all;
    std::vector<std::string> shown;
    for (const auto& entry : Room::entries(service)) {
        auto item = find_even_damaged<Room>(service, entry.name);
        all.add(view<Room>(service, entry, item ? &*item : nullptr));
        if (item)
            shown.push_back(item->id);
    }
    for (const auto& item : *pulled)
        if (std::find(shown.begin(), shown.end(), item.id) == shown.end())
            all.add(view<Room>(service, nameless(item), &item));
    json::Object result;
    result.set(Room::plural, all);
    return Answer{std::move(result), {}};
}

template <typename Room>
sdk::Result<Answer> show(Service& service, const Exchange& exchange, Operation&)
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

template <typename Room>
sdk::Result<Answer> pull(Service& service, const Exchange& exchange, Operation& operation)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    const auto span = operation.span("pull");
    auto item = Room::store(service).pull(*name, operation);
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
    const auto span = operation.span("import");
    auto image = service.engine().images.import(*path, *name, operation);
    if (!image)
        return std::move(image).error();
    return Answer{view<ImageRoom>(service, nameless(*image), &*image), {}};
}

template <typename Room>
sdk::Result<Answer> remove(Service& service, const Exchange& exchange, Operation&)
{
    auto name = json::require_string(exchange->params(), "name", "the request");
    if (!name)
        return std::move(name).error();
    auto item = find_even_damaged<Room>(service, *name);
    if (!item)
        return std::move(item).error();
    auto users = users_of<Room>(service, item->id);
    if (!users)
        return std::move(users).error();
    if (!users->empty())
        return sdk::make_error(sdk::Code::busy, "'" + *name + "' is in use by vm '" + users->front() + "'",
                               "delete that vm first: `banger vm delete " + users->front() + "`");
    auto freed = Room::store(service).remove(*name);
    if (!freed)
        return std::move(freed).error();
    json::Object result;
    result.set("name", *name).set("freed_bytes", *freed);
    return Answer{std::move(result), {}};
}

template <typename Room>
Methods methods_of(const std::string& prefix)
{
    return {{prefix + ".list", list<Room>},
            {prefix + ".show", show<Room>},
            {prefix + ".pull", pull<Room>},
            {prefix + ".delete", remove<Room>}};
}

}  // namespace

Methods source_methods()
{
    Methods methods = methods_of<ImageRoom>("image");
    methods.merge(Methods{{"image.import", import}});
    methods.merge(methods_of<KernelRoom>("kernel"));
    return methods;
}

}  // namespace banger::daemon
