// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "file_kernel.hpp"

#include <fcntl.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "blobs/vmlinuz.hpp"
#include "plugins/json/object_reader.hpp"

namespace banger::catalog {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr std::size_t most_kernel_bytes = 256U << 20;
constexpr std::size_t most_configuration_bytes = 4U << 20;
constexpr std::string_view elf_magic = "\177ELF";
constexpr std::string_view banner = "Linux version ";      // init/version.c
constexpr std::string_view configuration_mark = "IKCFG_ST";  // kernel/configs.c

/// One fetch: what every step of it needs.
class KernelCopy {
public:
    KernelCopy(KernelFiles recipe, const sdk::KernelRequest& request, sdk::Call& call)
        : recipe_(std::move(recipe)), request_(request), call_(call)
    {
    }

    Result<sdk::KernelBundle> go()
    {
        if (auto written = step("read the kernel", [this] { return write_vmlinux(); }); !written)
            return std::move(written).error();
        sdk::KernelBundle bundle;
        bundle.vmlinux = "vmlinux";
        bundle.command_line = recipe_.command_line;
        bundle.facts = {{"imported_from", recipe_.path}};
        bundle.version = version_in(kernel_);
        if (bundle.version.empty())
            return sdk::make_error(Code::corrupt, recipe_.path + " is no Linux kernel: it does not say its version");
        if (auto configured = step("read its configuration", [&] { return write_configuration(bundle); }); !configured)
            return std::move(configured).error();
        if (recipe_.modules.empty())
            return bundle;
        bundle.modules = "modules";
        if (auto copied = step("copy its modules", [&] { return copy_modules(bundle.version); }); !copied)
            return std::move(copied).error();
        return bundle;
    }

private:
    [[nodiscard]] std::string path(const std::string& name) const { return request_.directory + "/" + name; }

    template <typename Work>
    Result<void> step(const char* stage, const Work& work)
    {
        call_.progress({stage, 0, 0, {}});
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        return work();
    }

    Result<void> write_vmlinux()
    {
        auto given = os::read_file(recipe_.path, most_kernel_bytes);
        if (!given)
            return std::move(given).error();
        auto output = os::open_file(path("vmlinux"), O_RDWR | O_CREAT | O_EXCL, 0644);
        if (!output)
            return std::move(output).error();
        auto written = given->starts_with(elf_magic) ? os::write_all(output->get(), *given)
                                                     : blobs::unpack_vmlinux(*given, output->get());
        if (!written)
            return std::move(written).error().while_doing("read " + recipe_.path);
        auto kernel = os::read_file(path("vmlinux"), 4 * most_kernel_bytes);
        if (!kernel)
            return std::move(kernel).error();
        kernel_ = std::move(*kernel);
        return {};
    }

    static std::string version_in(const std::string& kernel)
    {
        for (auto at = kernel.find(banner); at != std::string::npos; at = kernel.find(banner, at + 1)) {
            const auto start = at + banner.size();
            const auto length = std::string_view(kernel).substr(start, 128).find_first_of(" \n\0", 0, 3);
            // The banner's format string has the same words before its "%s".
            if (length != std::string::npos && length > 0 && kernel[start] >= '0' && kernel[start] <= '9')
                return kernel.substr(start, length);
        }
        return {};
    }

    // Distributions put it beside the kernel: config-VERSION in /boot.
    Result<void> write_configuration(sdk::KernelBundle& bundle)
    {
        std::string from = recipe_.config;
        if (from.empty()) {
            const auto beside = recipe_.path.substr(0, recipe_.path.rfind('/')) + "/config-" + bundle.version;
            if (kernel_.find(configuration_mark) != std::string::npos)
                return {};
            if (!os::exists(beside))
                return sdk::make_error(Code::invalid, "nobody says how " + recipe_.path + " is configured",
                                       "give its .config too; then what it lacks can be told before it boots");
            from = beside;
        }
        const auto text = os::read_file(from, most_configuration_bytes);
        if (!text)
            return text.error();
        bundle.configuration = "config";
        return os::write_file_atomic(path("config"), *text);
    }

    // `modules.dep` is in the directory itself, or in the one below it that is named after the version.
    Result<void> copy_modules(const std::string& version)
    {
        std::string from = recipe_.modules;
        if (!os::exists(from + "/modules.dep"))
            from += "/" + version;
        if (!os::exists(from + "/modules.dep"))
            return sdk::make_error(Code::not_found, "there are no modules of kernel " + version + " in " + recipe_.modules,
                                   "give the directory that holds modules.dep, such as /lib/modules/" + version);
        if (auto made = os::make_private_directory(path("modules")); !made)
            return made;
        return copy_tree(from, path("modules/" + version));
    }

    // Links lead to where the kernel was built, and are left out.
    Result<void> copy_tree(const std::string& from, const std::string& to)
    {
        namespace fs = std::filesystem;
        std::error_code failure;
        fs::create_directories(to, failure);
        for (fs::recursive_directory_iterator entry(from, failure), end; !failure && entry != end; entry.increment(failure)) {
            if (call_.cancelled())
                return sdk::make_error(Code::cancelled, "cancelled");
            const auto target = fs::path(to) / entry->path().lexically_relative(from);
            if (entry->is_symlink())
                continue;
            if (entry->is_directory())
                fs::create_directory(target, failure);
            else if (entry->is_regular_file())
                fs::copy_file(entry->path(), target, failure);
            if (failure)
                break;
        }
        if (failure)
            return sdk::make_error(Code::unavailable, "cannot copy the modules in " + from + ": " + failure.message());
        return {};
    }

    KernelFiles recipe_;
    const sdk::KernelRequest& request_;
    sdk::Call& call_;
    std::string kernel_;
};

}  // namespace

KernelFiles read_kernel_files(plugin_json::ObjectReader& recipe)
{
    KernelFiles files;
    files.path = recipe.required_text("path", [](const std::string& path) { return path.starts_with('/'); });
    files.modules = recipe.text("modules", plugin_json::is_any);
    files.config = recipe.text("config", plugin_json::is_any);
    files.command_line = recipe.text("command_line", plugin_json::is_any);
    (void)recipe.text("stamp", plugin_json::is_any);
    return files;
}

Result<sdk::KernelBundle> copy_kernel(KernelFiles files, const sdk::KernelRequest& request, sdk::Call& call)
{
    return KernelCopy(std::move(files), request, call).go();
}

}  // namespace banger::catalog
