// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "debian_kernel.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>

#include "apt.hpp"
#include "banger/sdk/os/file.hpp"
#include "deb_package.hpp"
#include "kernel_recipe.hpp"
#include "blobs/vmlinuz.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr auto download_time = std::chrono::minutes(20);

/// A package file on disk, and what is known of it.
struct Package {
    std::string path;
    sdk::Fields facts;
};

// "linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2), other" is the kernel that a package without one depends on.
std::string kernel_image_in(const std::string& depends)
{
    constexpr std::string_view prefix = "linux-image-";
    const auto at = depends.find(prefix);
    if (at == std::string::npos)
        return {};
    return depends.substr(at, std::min(depends.find_first_of(" ,|", at), depends.size()) - at);
}

/// One fetch: what every step of it needs.
class KernelFetch {
public:
    KernelFetch(const Config& config, const sdk::KernelRequest& request, sdk::Call& call)
        : config_(config), request_(request), call_(call)
    {
    }

    Result<sdk::KernelBundle> go()
    {
        auto recipe = read_kernel_recipe(request_.recipe);
        if (!recipe)
            return std::move(recipe).error().while_doing("read kernel '" + request_.name + "'");
        auto package = recipe->url.empty() ? from_archive(*recipe) : from_address(*recipe);
        if (!package)
            return std::move(package).error().while_doing("get the package of kernel '" + request_.name + "'");
        auto bundle = take_apart(*package);
        if (!bundle)
            return std::move(bundle).error().while_doing("take apart kernel '" + request_.name + "'");
        bundle->command_line = recipe->command_line;
        if (auto removed = os::remove_tree(path("scratch")); !removed)
            return std::move(removed).error();
        return bundle;
    }

private:
    [[nodiscard]] std::string path(const std::string& name) const { return request_.directory + "/" + name; }

    Result<Package> from_address(const KernelRecipe& recipe)
    {
        auto apt = PrivateApt::create(path("scratch"), {}, config_);
        if (!apt)
            return std::move(apt).error();
        call_.progress({"download the kernel", 0, 0, {}});
        const std::string file = path("scratch/kernel.deb");
        if (auto fetched = apt->fetch({{recipe.url, file, "SHA256:" + recipe.sha256}}, call_, download_time); !fetched)
            return std::move(fetched).error();
        return Package{file, {{"url", recipe.url}, {"sha256", recipe.sha256}}};
    }

    Result<std::string> show(const PrivateApt& apt, const std::string& name)
    {
        auto shown = apt.run({"apt-cache", "show", "--no-all-versions", name}, call_, std::chrono::minutes(1));
        if (!shown)
            return std::move(shown).error();
        return std::move(shown->out);
    }

    Result<Package> from_archive(const KernelRecipe& recipe)
    {
        auto apt = PrivateApt::create(path("scratch"), sources_of(recipe.archive, config_), config_);
        if (!apt)
            return std::move(apt).error();
        call_.progress({"read package lists", 0, 0, {}});
        // "any": a mirror that does not answer is an error here, not a warning.
        if (auto updated = apt->run({"apt-get", "update", "--error-on=any"}, call_, download_time); !updated)
            return std::move(updated).error();
        auto paragraph = show(*apt, recipe.package);
        if (!paragraph)
            return std::move(paragraph).error();
        std::string name = recipe.package;
        if (const auto image = kernel_image_in(control_field(*paragraph, "Depends")); !image.empty()) {
            name = image;
            paragraph = show(*apt, name);
            if (!paragraph)
                return std::move(paragraph).error();
        }
        return download(*apt, name, *paragraph);
    }

    Result<Package> download(const PrivateApt& apt, const std::string& name, const std::string& paragraph)
    {
        call_.progress({"download the kernel", 0, 0, {}});
        if (auto got = apt.run({"apt-get", "download", name}, call_, download_time); !got)
            return std::move(got).error();
        auto files = os::list_directory(path("scratch"));
        if (!files)
            return std::move(files).error();
        const auto file =
            std::find_if(files->begin(), files->end(), [](const auto& one) { return one.ends_with(".deb"); });
        if (file == files->end())
            return sdk::make_error(Code::internal, "apt-get download left no package");
        return Package{path("scratch/" + *file),
                       {{"package", name},
                        {"package_version", control_field(paragraph, "Version")},
                        {"sha256", control_field(paragraph, "SHA256")}}};
    }

    Result<sdk::KernelBundle> take_apart(const Package& package)
    {
        call_.progress({"unpack the kernel", 0, 0, {}});
        const std::string kernel = path("scratch/vmlinuz");
        const std::string tree = path("scratch/tree");
        const auto destination = [&](const std::string& file) -> std::string {
            if (file.starts_with("boot/vmlinuz-"))
                return kernel;
            if (file.starts_with("boot/config-"))
                return path("config");
            // Debian 13 and newer say usr/lib.
            const auto from = file.starts_with("usr/lib/modules/") ? file.substr(4) : file;
            return from.starts_with("lib/modules/") ? tree + "/" + from : std::string();
        };
        if (auto unpacked = unpack_deb(package.path, destination, call_); !unpacked)
            return std::move(unpacked).error();
        auto version = version_in(tree + "/lib/modules", package);
        if (!version)
            return std::move(version).error();
        if (auto written = write_vmlinux(kernel); !written)
            return std::move(written).error();
        if (auto listed = list_dependencies(tree, *version); !listed)
            return std::move(listed).error();
        if (std::rename((tree + "/lib/modules").c_str(), path("modules").c_str()) != 0)
            return sdk::os_error("keep the modules in " + path("modules"));
        return sdk::KernelBundle{*version, "vmlinux", "modules", {}, package.facts,
                                 os::exists(path("config")) ? "config" : ""};
    }

    static Result<std::string> version_in(const std::string& modules, const Package& package)
    {
        auto versions = os::list_directory(modules);
        if (!versions || versions->size() != 1)
            return sdk::make_error(Code::corrupt, "the package " + package.path.substr(package.path.rfind('/') + 1) +
                                                      " is not that of one kernel with modules");
        return versions->front();
    }

    Result<void> write_vmlinux(const std::string& kernel)
    {
        auto vmlinuz = os::read_file(kernel, std::size_t{256} << 20U);
        if (!vmlinuz)
            return std::move(vmlinuz).error();
        auto output = os::open_file(path("vmlinux"), O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (!output)
            return std::move(output).error();
        return blobs::unpack_vmlinux(*vmlinuz, output->get());
    }

    // modules.dep and its sisters, which kmod and the maker of the initramfs read. The host's own settings are left
    // out.
    Result<void> list_dependencies(const std::string& tree, const std::string& version)
    {
        os::Command command;
        command.argv = {"depmod", "-b", tree, "-C", "/dev/null", version};
        os::RunLimits limits;
        limits.cancel_descriptor = call_.cancel_descriptor();
        auto done = os::run_checked(std::move(command), {}, limits);
        if (!done)
            return std::move(done).error();
        return {};
    }

    const Config& config_;
    const sdk::KernelRequest& request_;
    sdk::Call& call_;
};

class DebianKernelSource final : public sdk::KernelSource {
public:
    explicit DebianKernelSource(Config config) : config_(std::move(config)) {}

    Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        auto probe = probe_tools({{"apt-get", "apt"}, {"depmod", "kmod"}}, config_);
        if (probe.usable)
            probe.reason = "kernels come from Debian's archive";
        return probe;
    }

    Result<sdk::KernelBundle> fetch(const sdk::KernelRequest& request, sdk::Call& call) override
    {
        return KernelFetch(config_, request, call).go();
    }

private:
    Config config_;
};

}  // namespace

std::unique_ptr<sdk::KernelSource> make_kernel_source(Config config)
{
    return std::make_unique<DebianKernelSource>(std::move(config));
}

}  // namespace banger::debian
