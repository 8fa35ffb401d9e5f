// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "bundle.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "plugins/json/object_reader.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::uint64_t manifest_version = 1;
constexpr const char* kernel_kind = "kernel";
constexpr const char* root_member = "rootfs.ext4";
constexpr const char* work_member = "work.ext4";
constexpr const char* kernel_member = "vmlinux";
constexpr const char* configuration_member = "config";
constexpr const char* modules_member = "modules.ext4";
constexpr const char* modules_directory = "modules";
constexpr const char* modules_tree = "modules/";

struct Manifest {
    std::string kind;  // empty: an image's
    std::string release;
    std::string command_line;
    bool has_modules = false;
    sdk::Fields facts;
};

// Members that nobody asks for are a later version's.
Result<Manifest> read_manifest(const BundleFile& bundle, const std::string& text)
{
    const std::string subject = "the manifest of bundle " + bundle.path;
    const auto document = plugin_json::parse_object(text, subject);
    std::optional<sdk::Error> problem;
    if (!document || !document->HasMember("version") || !document->HasMember("facts"))
        return wrong_bundle(bundle, "has a manifest that is none");
    plugin_json::ObjectReader reader(*document, subject, problem);
    if (reader.number("version", 0, UINT64_MAX, 0) != manifest_version && !problem)
        return sdk::make_error(Code::unsupported, "bundle " + bundle.path + " is for another version of banger");
    Manifest manifest;
    manifest.kind = reader.text("kind", plugin_json::is_any);
    manifest.release = reader.text("release", plugin_json::is_not_empty);
    manifest.command_line = reader.text("command_line", plugin_json::is_any);
    manifest.has_modules = reader.flag("has_modules", false);
    reader.each("facts", plugin_json::is_any, [&manifest](const std::string& name, const rapidjson::Value& fact) {
        if (fact.IsString())
            manifest.facts[name] = plugin_json::string_of(fact);
    });
    if (problem)
        return wrong_bundle(bundle, "has a manifest that is none: " + problem->message);
    manifest.facts["digest"] = bundle.digest;
    return manifest;
}

Result<void> check_members(const BundleFile& bundle, const UnpackedBundle& unpacked, const std::vector<std::string>& wanted)
{
    for (const auto& member : wanted)
        if (!unpacked.members.contains(member))
            return wrong_bundle(bundle, "has no " + member);
    return {};
}

Result<sdk::KernelBundle> kernel_of(const BundleFile& bundle, const UnpackedBundle& unpacked)
{
    auto manifest = read_manifest(bundle, unpacked.manifest);
    if (!manifest)
        return std::move(manifest).error();
    if (manifest->kind != kernel_kind || manifest->release.empty() || manifest->release.find('/') != std::string::npos)
        return wrong_bundle(bundle, "has a manifest that is no kernel's");
    std::vector<std::string> wanted{configuration_member, kernel_member};
    const std::string modules = modules_tree + manifest->release + "/";
    if (manifest->has_modules)
        wanted.insert(wanted.end(), {modules_member, modules + "modules.dep"});
    if (auto checked = check_members(bundle, unpacked, wanted); !checked)
        return std::move(checked).error();
    for (const auto& member : unpacked.members)
        if ((member == modules_member && !manifest->has_modules) ||
            (member.starts_with(modules_tree) && !(manifest->has_modules && member.starts_with(modules))))
            return wrong_bundle(bundle, "holds '" + member + "', which is none of its kernel's");
    sdk::KernelBundle kernel;
    kernel.version = std::move(manifest->release);
    kernel.vmlinux = kernel_member;
    kernel.configuration = configuration_member;
    kernel.command_line = std::move(manifest->command_line);
    kernel.facts = std::move(manifest->facts);
    if (manifest->has_modules) {
        kernel.modules = modules_directory;
        kernel.modules_disk = modules_member;
    }
    return kernel;
}

Result<sdk::Fields> facts_of(const BundleFile& bundle, const UnpackedBundle& unpacked)
{
    if (auto checked = check_members(bundle, unpacked, {root_member, work_member}); !checked)
        return std::move(checked).error();
    auto manifest = read_manifest(bundle, unpacked.manifest);
    if (!manifest)
        return std::move(manifest).error();
    if (manifest->kind == kernel_kind)
        return wrong_bundle(bundle, "is a kernel's");
    return std::move(manifest->facts);
}

// What is wrong only as a whole is not left behind either.
template <typename T>
Result<T> keep_if_right(Result<T> read, const UnpackedBundle& unpacked, const std::string& directory)
{
    if (!read)
        remove_unpacked(unpacked, directory);
    return read;
}

}  // namespace

Result<sdk::Fields> unpack_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call)
{
    const auto unpacked = unpack(bundle, {{root_member, work_member}}, directory, call);
    if (!unpacked)
        return unpacked.error();
    return keep_if_right(facts_of(bundle, *unpacked), *unpacked, directory);
}

Result<sdk::KernelBundle> unpack_kernel_bundle(const BundleFile& bundle, const std::string& directory, sdk::Call& call)
{
    const auto unpacked =
        unpack(bundle, {{modules_member}, {configuration_member, kernel_member}, modules_tree}, directory, call);
    if (!unpacked)
        return unpacked.error();
    return keep_if_right(kernel_of(bundle, *unpacked), *unpacked, directory);
}

}  // namespace banger::catalog
