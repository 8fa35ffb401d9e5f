// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/kernel_import.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/finished_layer.hpp"
#include "core/images/initramfs_modules.hpp"
#include "core/images/kernel_needs.hpp"
#include "core/images/recipe_identity.hpp"
#include "core/images/relative_path.hpp"
#include "core/images/vmlinux.hpp"
#include "core/images/write_tree.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

Result<void> check_bundle(const sdk::KernelBundle& bundle, const std::string& who)
{
    if (!stays_inside(bundle.vmlinux) || (!bundle.modules.empty() && !stays_inside(bundle.modules)) ||
        (!bundle.configuration.empty() && !stays_inside(bundle.configuration)) ||
        (!bundle.modules_disk.empty() && (bundle.modules.empty() || !stays_inside(bundle.modules_disk))))
        return sdk::make_error(Code::plugin, who + " put its kernel outside of the directory it was given");
    if (!stays_inside(bundle.version) || bundle.version.find('/') != std::string::npos || bundle.version == ".")
        return sdk::make_error(Code::corrupt,
                               who + " gave a kernel with the impossible version '" + bundle.version + "'");
    return {};
}

// Of a kernel whose configuration nobody gives, nothing is known before it boots.
Result<void> check_needs(const sdk::KernelBundle& bundle, const std::string& configuration)
{
    if (configuration.empty())
        return {};
    std::string lacks;
    for (const auto& what : missing_in(configuration, !bundle.modules.empty()))
        lacks += (lacks.empty() ? "" : ", ") + what;
    if (lacks.empty())
        return {};
    return sdk::make_error(Code::unsupported, "kernel " + bundle.version + " lacks what a machine needs: " + lacks,
                           bundle.modules.empty() ? "if those are modules of it, give their directory too"
                                                  : "build it with these options");
}

// Kept with the kernel, for whoever it is handed on to.
Result<void> take_configuration(const sdk::KernelBundle& bundle, const std::string& fetched, const std::string& directory)
{
    const auto configuration = bundle.configuration.empty() ? configuration_in(directory + "/" + kernel_file)
                                                            : os::read_file(fetched + "/" + bundle.configuration);
    if (!configuration)
        return configuration.error();
    if (auto fits = check_needs(bundle, *configuration); !fits)
        return fits;
    if (configuration->empty())
        return {};
    return os::write_file_atomic(directory + "/" + configuration_file, *configuration, 0444);
}

Result<void> seal_file(const std::string& path)
{
    const os::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd || ::fchmod(fd.get(), 0444) != 0 || ::fsync(fd.get()) != 0)
        return sdk::os_error("make " + path + " durable");
    return {};
}

Result<void> write_modules_disk(const std::string& tree, const std::string& id, const std::string& path,
                                const LinkedCall& call)
{
    Ext4Options options;
    options.label = "modules";
    options.uuid = derived_uuid(id, "modules");
    options.hash_seed = derived_uuid(id, "modules hash");
    options.journal_bytes = 0;
    options.cancelled = [&call] { return call.cancelled(); };
    auto writer = Ext4Writer::create(path, std::move(options));
    if (!writer)
        return std::move(writer).error();
    if (auto written = write_tree(*writer, tree); !written)
        return written;
    if (auto finished = writer->finish(); !finished)
        return std::move(finished).error();
    return seal_file(path);
}

Result<void> import_modules(const sdk::KernelBundle& bundle, const std::string& fetched, const std::string& id,
                            const std::string& directory, LinkedCall& call)
{
    const auto tree = fetched + "/" + bundle.modules;
    const auto disk = directory + "/" + modules_layer;
    call.progress({"write the modules disk", 0, 0, {}});
    auto made = bundle.modules_disk.empty() ? write_modules_disk(tree, id, disk, call)
                                            : take_finished(fetched + "/" + bundle.modules_disk, disk);
    if (!made)
        return made;
    return take_initramfs_modules(tree + "/" + bundle.version, directory + "/" + modules_folder + "/" + bundle.version);
}

}  // namespace

Result<ImportedKernel> import_kernel(const CatalogueEntry& entry, const std::string& id, sdk::KernelSource& source,
                                     const std::string& directory, LinkedCall& call)
{
    const std::string fetched = directory + "/fetched";
    if (auto made = os::make_private_directory(fetched); !made)
        return std::move(made).error();
    const auto bundle = source.fetch({entry.name, entry.recipe, fetched}, call);
    if (!bundle)
        return bundle.error();
    if (auto checked = check_bundle(*bundle, "kernel source '" + entry.source + "'"); !checked)
        return std::move(checked).error();

    const std::string vmlinux = directory + "/" + kernel_file;
    if (::rename((fetched + "/" + bundle->vmlinux).c_str(), vmlinux.c_str()) != 0)
        return sdk::os_error("take the kernel " + fetched + "/" + bundle->vmlinux);
    const auto kind = inspect_vmlinux(vmlinux);
    if (!kind)
        return kind.error();
    if (auto taken = take_configuration(*bundle, fetched, directory); !taken)
        return std::move(taken).error();
    if (auto sealed = seal_file(vmlinux); !sealed)
        return std::move(sealed).error();
    if (!bundle->modules.empty())
        if (auto imported = import_modules(*bundle, fetched, id, directory, call); !imported)
            return std::move(imported).error();
    if (auto removed = os::remove_tree(fetched); !removed)
        return std::move(removed).error();

    ImportedKernel kernel{bundle->version, bundle->command_line, !bundle->modules.empty(), bundle->facts};
    kernel.facts["pvh"] = kind->has_pvh ? "true" : "false";
    return kernel;
}

}  // namespace banger::images
