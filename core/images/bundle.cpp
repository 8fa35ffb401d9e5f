// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/bundle.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "core/images/bundle_writer.hpp"
#include "core/images/image_import.hpp"
#include "core/images/kernel_import.hpp"
#include "core/images/sha256.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t manifest_version = 1;
constexpr std::size_t most_manifest_bytes = 1U << 20;
constexpr std::size_t unpacked_at_once = 64U << 10;
constexpr std::size_t digest_digits = 64;
constexpr const char* manifest_name = "manifest.json";
constexpr const char* kernel_kind = "kernel";

using Step = std::function<Result<void>()>;

struct FreeReader {
    void operator()(archive* open) const { (void)archive_read_free(open); }
};

std::string recipe_text(const std::string& bundle, const std::string& digest, std::uint64_t bytes)
{
    json::Object recipe;
    recipe.set("bundle", bundle).set("digest", digest).set("size", bytes);
    return json::to_text(recipe.value());
}

json::Object entry_for(const Bundle& bundle, const std::string& description)
{
    json::Object choice;
    const auto recipe = json::parse(recipe_text(bundle.file, bundle.digest, bundle.bytes), "the recipe");
    choice.set("source", "catalog").set("recipe", *recipe);
    json::Array choices;
    choices.add(choice);
    json::Object entry;
    entry.set("name", bundle.name).set("description", description).set("sources", choices);
    return entry;
}

// The members in the order of the steps, in a file of their own.
Result<Bundle> write(BundleWriter& writer, const std::vector<Step>& steps, const std::string& name)
{
    for (const auto& step : steps)
        if (auto done = step(); !done)
            return std::move(done).error();
    auto published = writer.publish(name);
    if (!published)
        return std::move(published).error();
    return Bundle{name, std::move(published->file), std::move(published->digest), published->bytes, {}};
}

// Below the directory, sorted, as relative paths.
Result<std::vector<std::string>> files_below(const std::string& directory, const std::string& below = {})
{
    std::vector<std::string> found;
    const auto names = sdk::os::list_directory(directory + "/" + below);
    if (!names)
        return names.error();
    for (const auto& name : *names) {
        const auto path = below + name;
        if (!std::filesystem::is_directory(std::filesystem::symlink_status(directory + "/" + path))) {
            found.push_back(path);
            continue;
        }
        auto deeper = files_below(directory, path + "/");
        if (!deeper)
            return deeper;
        found.insert(found.end(), deeper->begin(), deeper->end());
    }
    return found;
}

// The digest that the name of a bundle ends with; empty if it ends otherwise.
std::string digest_in(std::string_view name)
{
    if (!name.ends_with(bundle_suffix))
        return {};
    name.remove_suffix(std::string_view(bundle_suffix).size());
    if (name.size() <= digest_digits || name[name.size() - digest_digits - 1] != '-')
        return {};
    const auto digest = name.substr(name.size() - digest_digits);
    return std::string(digest.find_first_not_of("0123456789abcdef") == std::string_view::npos ? digest : "");
}

}  // namespace

Result<Bundle> write_bundle(const Image& image, const std::string& name, const std::string& directory, sdk::Call& call)
{
    auto writer = BundleWriter::create(directory, call);
    if (!writer)
        return std::move(writer).error();
    json::Object manifest;
    manifest.set("version", manifest_version).set("facts", image.facts);
    auto bundle = write(*writer,
                        {[&] { return writer->add_text(manifest_name, json::to_pretty(manifest.value())); },
                         [&] { return writer->add_file(finished_root, image.root.path); },
                         [&] { return writer->add_file(finished_work, image.work.path); }},
                        name);
    if (!bundle)
        return bundle;
    const auto os_name = image.facts.find("os_name");
    auto entry = entry_for(*bundle, os_name == image.facts.end() || os_name->second.empty() ? image.name : os_name->second);
    entry.set("kernel", image.kernel);
    bundle->entry = json::to_text(entry.value());
    return bundle;
}

Result<Bundle> write_bundle(const Kernel& kernel, const std::string& name, const std::string& directory, sdk::Call& call)
{
    if (kernel.configuration.empty())
        return sdk::make_error(Code::unsupported, "nobody knows how kernel '" + kernel.name + "' is configured",
                               "delete it, and pull or import it again: its configuration is then kept");
    auto writer = BundleWriter::create(directory, call);
    if (!writer)
        return std::move(writer).error();
    const bool has_modules = !kernel.modules_disk.empty();
    auto facts = kernel.facts;
    facts.erase("imported_from");  // a path of this host
    json::Object manifest;
    manifest.set("version", manifest_version).set("kind", kernel_kind).set("release", kernel.version);
    manifest.set("command_line", kernel.command_line).set("has_modules", has_modules).set("facts", facts);
    std::vector<Step> steps{[&] { return writer->add_text(manifest_name, json::to_pretty(manifest.value())); },
                            [&] { return writer->add_file(configuration_file, kernel.configuration); },
                            [&] { return writer->add_file(kernel_file, kernel.vmlinux); }};
    if (has_modules) {
        const auto modules = files_below(kernel.modules_directory);
        if (!modules)
            return modules.error();
        steps.emplace_back([&] { return writer->add_file(modules_layer, kernel.modules_disk); });
        for (const auto& path : *modules)
            steps.emplace_back([&writer, &kernel, path] {
                return writer->add_file(std::string(modules_folder) + "/" + path, kernel.modules_directory + "/" + path);
            });
    }
    auto bundle = write(*writer, steps, name);
    if (!bundle)
        return bundle;
    bundle->list = "kernels";
    bundle->entry = json::to_text(entry_for(*bundle, "Linux " + kernel.version).value());
    return bundle;
}

std::optional<BundleOf> bundle_in(const std::string& path)
{
    const std::unique_ptr<archive, FreeReader> reader(archive_read_new());
    archive_read_support_filter_zstd(reader.get());
    archive_read_support_format_tar(reader.get());
    archive_entry* entry = nullptr;
    if (archive_read_open_filename(reader.get(), path.c_str(), unpacked_at_once) != ARCHIVE_OK ||
        archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK || archive_filter_count(reader.get()) < 2)
        return std::nullopt;
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || std::string_view(name) != manifest_name ||
        archive_entry_size(entry) > static_cast<la_int64_t>(most_manifest_bytes))
        return std::nullopt;
    std::string text(static_cast<std::size_t>(archive_entry_size(entry)), '\0');
    if (archive_read_data(reader.get(), text.data(), text.size()) != static_cast<la_ssize_t>(text.size()))
        return std::nullopt;
    // `docker save` has a manifest.json too, which is a list.
    const auto manifest = json::parse_object(text, manifest_name);
    if (!manifest || json::find(*manifest, "facts") == nullptr)
        return std::nullopt;
    return json::string_or(*manifest, "kind") == kernel_kind ? BundleOf::kernel : BundleOf::image;
}

Result<BundleRecipe> recipe_of_bundle(const std::string& path, const sdk::Call& call)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    auto digest = sha256_of_file(path, call);
    if (!digest)
        return std::move(digest).error();
    if (const auto named = digest_in(path); !named.empty() && named != *digest)
        return sdk::make_error(Code::corrupt, path + " is not the bundle that its name says: it has the digest " + *digest,
                               "get it again");
    const auto full = "sha256:" + *digest;
    return BundleRecipe{recipe_text(path, full, static_cast<std::uint64_t>(status.st_size)), full};
}

}  // namespace banger::images
