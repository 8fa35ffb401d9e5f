// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "cli/commands/catalogue.hpp"
#include "cli/commands/image_choices.hpp"
#include "cli/text.hpp"

namespace banger::cli {
namespace {

// A kernel of the image's own is called after it, as a catalogue spells names.
std::string kernel_name_for(const std::string& image)
{
    std::string name = image;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        const bool legal = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
        return legal ? c : '-';
    });
    return name;
}

json::Object named(const ImageRegister& verb)
{
    json::Object params;
    params.set("name", json::string_or(verb.kernel->value(), "name"));
    return params;
}

}  // namespace

Syntax ImageRegister::syntax()
{
    Syntax syntax;
    syntax.path = "image register";
    syntax.summary = "make an image of a root file system that is here, with a kernel of its own if need be";
    syntax.description =
        "The root file system is a directory, an archive, or a file with an ext4 file system in it. It is copied, and stays "
        "as it is. --vmlinux takes a kernel along, and --modules its modules: it is then the image's kernel.";
    syntax.operands = {{"PATH"}};
    syntax.options = {{"name", 0, "NAME", "what to call it (default: local/ and the file's name)", {}, false},
                      {"vmlinux", 0, "FILE", "a kernel for it: a vmlinux, or a vmlinuz of a distribution", {}, false},
                      {"modules", 0, "DIRECTORY", "that kernel's modules, such as /lib/modules/6.1.0", {}, false},
                      {"config", 0, "FILE", "that kernel's .config, where it is neither in it nor beside it", {}, false}};
    for (auto& option : image_choice_options())
        if (option.name != "platform")
            syntax.options.push_back(std::move(option));
    syntax.examples = {{"banger image register rootfs.ext4 --name local/mine:1", "then `banger vm run --image local/mine:1`"},
                       {"banger image register ./tree --vmlinux vmlinux --modules ./modules",
                        "with the kernel that it is made for"}};
    return syntax;
}

sdk::Result<ImageRegister> ImageRegister::parse(const Arguments& arguments)
{
    ImageRegister verb;
    const auto absolute = [](const std::string& path) {
        return std::filesystem::absolute(path).lexically_normal().string();
    };
    auto path = absolute(arguments.operand(0));
    if (path.size() > 1 && path.back() == '/')
        path.pop_back();
    const auto name = arguments.value("name").value_or("local/" + std::filesystem::path(path).filename().string());
    if (auto legal = check_own_name(name); !legal)
        return std::move(legal).error();
    verb.image.set("path", path).set("name", name).set("any_directory", true);
    if (auto set = set_image_choices(arguments, verb.image); !set)
        return std::move(set).error();
    const auto vmlinux = arguments.value("vmlinux");
    if (!vmlinux && (arguments.has("modules") || arguments.has("config")))
        return sdk::make_error(sdk::Code::invalid, "--modules and --config belong to a kernel of its own",
                               "give that with --vmlinux");
    if (!vmlinux)
        return verb;
    if (arguments.has("kernel"))
        return sdk::make_error(sdk::Code::invalid, "--kernel and --vmlinux are two kernels", "give one of them");
    json::Object kernel;
    kernel.set("path", absolute(*vmlinux)).set("name", kernel_name_for(name));
    for (const char* option : {"modules", "config"})
        if (const auto value = arguments.value(option))
            kernel.set(option, absolute(*value));
    verb.image.set("kernel", kernel_name_for(name));
    verb.kernel = std::move(kernel);
    return verb;
}

sdk::Result<Exit> run(const ImageRegister& verb, Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    bool adds_kernel = false;
    if (verb.kernel) {
        const auto before = (*session)->call("kernel.show", named(verb));
        adds_kernel = !before && before.error().code == sdk::Code::not_found;
        if (auto kernel = (*session)->call("kernel.import", *verb.kernel); !kernel)
            return std::move(kernel).error();
    }
    auto entry = (*session)->call("image.import", verb.image);
    if (!entry && adds_kernel)
        (void)(*session)->call("kernel.delete", named(verb), Session::OnInterrupt::carry_on);
    if (!entry)
        return std::move(entry).error();
    return context.show(entry->result, [&] {
        return json::string_or(entry->result, "name") + " is here, with kernel " +
               json::string_or(entry->result, "kernel") + "\n";
    });
}

}  // namespace banger::cli
