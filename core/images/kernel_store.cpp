// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/kernel_store.hpp"

#include <sys/stat.h>

#include <ctime>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/images/bundle.hpp"
#include "core/images/change_mark.hpp"
#include "core/images/collection.hpp"
#include "core/images/kernel_import.hpp"
#include "core/images/recipe_identity.hpp"
#include "core/images/source_choices.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t kernel_format_version = 1;
constexpr const char* kernel_record_name = "/kernel.json";

Result<void> write_record(const std::string& directory, const CatalogueEntry& entry, const std::string& id,
                          const ImportedKernel& kernel)
{
    const auto recipe = json::parse(entry.recipe, "the recipe");
    if (!recipe)
        return recipe.error();
    json::Object record;
    record.set("version", kernel_format_version)
        .set("id", id)
        .set("name", entry.name)
        .set("source", entry.source)
        .set("recipe", *recipe)
        .set("release", kernel.release)
        .set("command_line", kernel.command_line)
        .set("has_modules", kernel.has_modules)
        .set("created", static_cast<std::int64_t>(::time(nullptr)))
        .set("facts", kernel.facts);
    return sdk::os::write_file_atomic(directory + kernel_record_name, json::to_pretty(record.value()), 0444);
}

Result<void> expect(const std::string& path, off_t least_bytes)
{
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode) || status.st_size < least_bytes)
        return sdk::make_error(Code::corrupt, path + " is not what was written");
    return {};
}

Result<Kernel> read_kernel(const std::string& directory, const std::string& id)
{
    const auto text = sdk::os::read_file(directory + kernel_record_name);
    if (!text)
        return text.error();
    const auto record = json::parse_object(*text, "kernel.json");
    if (!record)
        return record.error();
    const auto version = json::require_uint(*record, "version", "kernel.json");
    if (!version)
        return version.error();
    if (*version != kernel_format_version)
        return sdk::make_error(Code::unsupported,
                               "the kernel in " + directory + " was made by another version of banger",
                               "`banger kernel delete " + id + "` removes it");
    const auto name = json::require_string(*record, "name", "kernel.json");
    const auto release = json::require_string(*record, "release", "kernel.json");
    const auto created = json::find_int(*record, "created");
    const auto has_modules = json::find_bool(*record, "has_modules");
    if (!name || !release || !created || !has_modules || json::string_or(*record, "id") != id)
        return sdk::make_error(Code::corrupt, "kernel.json is incomplete or another kernel's");

    Kernel kernel;
    kernel.id = id;
    kernel.name = *name;
    kernel.version = *release;
    kernel.vmlinux = directory + "/" + kernel_file;
    if (auto there = expect(kernel.vmlinux, 1); !there)
        return std::move(there).error();
    if (*has_modules) {
        kernel.modules_disk = directory + "/" + modules_layer;
        kernel.modules_directory = directory + "/" + modules_folder;
        if (auto there = expect(kernel.modules_disk, 1); !there)
            return std::move(there).error();
        // Empty where all that a boot needs is in the kernel itself.
        if (auto there = expect(kernel.modules_directory + "/" + *release + "/modules.dep", 0); !there)
            return std::move(there).error();
    }
    if (const auto configuration = directory + "/" + configuration_file; sdk::os::exists(configuration))
        kernel.configuration = configuration;
    kernel.command_line = json::string_or(*record, "command_line");
    kernel.created = *created;
    kernel.bytes = allocated_bytes(directory);
    kernel.facts = json::find_fields(*record, "facts");
    return kernel;
}

Craft<Kernel> craft(const Catalogue& catalogue, FindKernelSource find_source)
{
    Craft<Kernel> craft;
    craft.word = "kernel";
    craft.catalogue = &catalogue.kernels();
    craft.look_up = [&catalogue](const std::string& name) { return catalogue.kernel(name); };
    craft.read = read_kernel;
    craft.make = [find_source = std::move(find_source)](const CatalogueEntry& entry, const std::string& id,
                                                        const std::string& staging, LinkedCall& call) {
        return make_by_choices(entry, staging, call, [&](const CatalogueEntry& choice, LinkedCall& attempt) -> Result<void> {
            const auto source = find_source(choice.source);
            if (!source)
                return source.error();
            if (auto usable = check_source("kernel", choice.source, **source, attempt); !usable)
                return usable;
            const auto kernel = import_kernel(choice, id, **source, staging, attempt);
            if (!kernel)
                return kernel.error();
            return write_record(staging, choice, id, *kernel);
        });
    };
    craft.is_called = [](const Kernel& kernel, const std::string& name) { return kernel.name == name; };
    craft.is_rather_meant = [](const Kernel& one, const Kernel& other, const std::string& /*name*/) {
        return one.created > other.created;
    };
    craft.name_it = [](Kernel& kernel, const CatalogueEntry& entry) { kernel.name = entry.name; };
    return craft;
}

// What no catalogue lists, as an entry that source "catalog" understands.
Result<CatalogueEntry> entry_of_files(const KernelFiles& files)
{
    json::Object recipe;
    recipe.set("path", files.kernel).set("modules", files.modules).set("config", files.configuration);
    recipe.set("command_line", files.command_line);
    // Which files these are: any of them may be another tomorrow.
    recipe.set("stamp", change_mark(files.kernel) + ", " + change_mark(files.modules) + ", " + change_mark(files.configuration));
    CatalogueEntry entry;
    entry.name = files.name;
    entry.source = "catalog";
    entry.recipe = json::to_text(recipe.value());
    return entry;
}

Result<CatalogueEntry> entry_of_bundle(const KernelFiles& files, const sdk::Call& call)
{
    if (!files.modules.empty() || !files.configuration.empty() || !files.command_line.empty())
        return sdk::make_error(Code::invalid, files.kernel + " is a bundle, which brings its modules and configuration itself",
                               "leave out --modules, --config and --command-line");
    auto bundle = recipe_of_bundle(files.kernel, call);
    if (!bundle)
        return std::move(bundle).error();
    CatalogueEntry entry;
    entry.name = files.name;
    entry.source = "catalog";
    entry.recipe = std::move(bundle->recipe);
    entry.identity = std::move(bundle->identity);
    return entry;
}

}  // namespace

struct KernelStore::State {
    Collection<Kernel> kernels;
    const Catalogue& catalogue;
};

KernelStore::KernelStore(std::string directory, const Catalogue& catalogue, FindKernelSource find_source)
    : state_(new State{Collection<Kernel>(std::move(directory), craft(catalogue, std::move(find_source))), catalogue})
{
}

KernelStore::~KernelStore() = default;

Result<std::vector<Kernel>> KernelStore::list() const
{
    return state_->kernels.list();
}

Result<Kernel> KernelStore::find(const std::string& name) const
{
    return state_->kernels.find(name);
}

Result<Kernel> KernelStore::pull(const std::string& name, sdk::Call& call)
{
    return state_->kernels.pull(name, call);
}

Result<Kernel> KernelStore::import(const KernelFiles& files, sdk::Call& call)
{
    if (state_->catalogue.kernel(files.name))
        return sdk::make_error(Code::exists, "the catalogue has a kernel '" + files.name + "' of its own",
                               "give yours another name");
    if (!is_catalogue_name(files.name))
        return sdk::make_error(Code::invalid, "'" + files.name + "' is no name of a kernel",
                               "use one word of a-z, 0-9, '-' and '.'");
    const auto bundled = bundle_in(files.kernel);
    if (bundled == BundleOf::image)
        return sdk::make_error(Code::invalid, files.kernel + " is the bundle of an image", "`banger image import` takes it");
    auto entry = bundled ? entry_of_bundle(files, call) : entry_of_files(files);
    if (!entry)
        return std::move(entry).error();
    if (const auto there = state_->kernels.find(files.name); there && there->id != recipe_id("kernel", *entry))
        return sdk::make_error(Code::exists, "there is another kernel '" + files.name + "' already",
                               "`banger kernel delete " + files.name + "` removes it");
    auto kernel = state_->kernels.obtain(*entry, call);
    if (kernel && kernel->name != files.name)
        return sdk::make_error(Code::exists, "this kernel is here already, and called '" + kernel->name + "'",
                               "use it under that name");
    return kernel;
}

Result<std::uint64_t> KernelStore::remove(const std::string& name)
{
    return state_->kernels.remove(name);
}

void KernelStore::sweep()
{
    state_->kernels.sweep();
}

}  // namespace banger::images
