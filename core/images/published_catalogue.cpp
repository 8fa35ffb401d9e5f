// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/published_catalogue.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/lock.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Result;

constexpr std::uint64_t catalogue_version = 1;
constexpr mode_t published = 0644;  // a web server's too, whatever our umask
constexpr mode_t everybodys_directory = 0755;
constexpr const char* catalogue_name = "/catalogue.json";
constexpr const char* catalogue_lock_name = "/.catalogue.lock";
constexpr const char* lists[] = {"images", "kernels"};

// What a catalogue lists under one key, with the bundle's entry in place of one of its name.
json::Array entries_of(const json::Value& before, const std::string& list, const Bundle& bundle, const json::Value& entry)
{
    json::Array entries;
    if (const auto* there = json::find(before, list.c_str()); there != nullptr && there->IsArray())
        for (const auto& other : there->GetArray())
            if (list != bundle.list || json::string_or(other, "name") != bundle.name)
                entries.add(other);
    if (list == bundle.list)
        entries.add(entry);
    return entries;
}

}  // namespace

Result<void> make_published_directory(const std::string& path)
{
    if (os::exists(path))
        return {};
    if (const auto parent = std::filesystem::path(path).parent_path().string(); !parent.empty())
        if (auto made = make_published_directory(parent); !made)
            return made;
    if (auto made = os::make_directories(path); !made)
        return made;
    if (::chmod(path.c_str(), everybodys_directory) != 0)
        return sdk::os_error("let others read " + path);
    return {};
}

Result<void> add_to_catalogue(const Bundle& bundle, const std::string& directory, const sdk::Call& call)
{
    const auto lock_path = directory + catalogue_lock_name;
    const auto lock = os::open_file(lock_path, O_RDWR | O_CREAT);
    if (!lock)
        return lock.error();
    if (auto locked = os::lock_file(lock->get(), lock_path, call.cancel_descriptor()); !locked)
        return locked;
    const auto path = directory + catalogue_name;
    const auto text = os::exists(path) ? os::read_file(path) : sdk::Result<std::string>("{}");
    if (!text)
        return text.error();
    const auto before = json::parse_object(*text, path);
    if (!before)
        return before.error();
    const auto entry = json::parse(bundle.entry, "the entry");
    if (!entry)
        return entry.error();
    json::Object catalogue;
    catalogue.set("version", catalogue_version);
    for (const char* list : lists)
        catalogue.set(list, entries_of(*before, list, bundle, *entry));
    for (const char* signature : {".sig", ".minisig"})
        if (auto removed = os::remove_file(path + signature); !removed)
            return removed;
    if (auto written = os::write_file_atomic(path, json::to_pretty(catalogue.value())); !written)
        return written;
    if (::chmod(path.c_str(), published) != 0)
        return sdk::os_error("let others read " + path);
    return {};
}

}  // namespace banger::images
