// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/discover.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/version.hpp"
#include "core/plugins/elf_section.hpp"

namespace banger::plugins {
namespace {

constexpr std::string_view library_suffix = ".so";
constexpr std::string_view sidecar_suffix = ".plugin.json";
constexpr const char* mark_section = "bangerv0";

std::string user_name(uid_t uid)
{
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
        return "'" + std::string(entry.pw_name) + "'";
    return "uid " + std::to_string(uid);
}

// A group that has the user's own name and nobody else in it, as Debian gives every user (the "usergroups" of
// pam_umask(8), where files are group-writable by default).
bool is_own_private_group(gid_t gid)
{
    if (::geteuid() == 0 || gid != ::getegid())
        return false;
    std::array<char, 4096> buffer{};
    group entry{};
    group* found = nullptr;
    if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return false;
    return entry.gr_mem[0] == nullptr && user_name(::geteuid()) == "'" + std::string(entry.gr_name) + "'";
}

sdk::Result<void> check_trust(const std::string& path, bool above)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return sdk::os_error("look at " + path);
    const auto refuse = [&](const std::string& why, const std::string& hint) {
        return sdk::make_error(sdk::Code::permission, path + " is not trusted: " + why, hint);
    };
    // Asked only when it is told: it may take a directory service to know.
    const auto owner = [&] { return "it belongs to " + user_name(status.st_uid); };
    if (::geteuid() == 0 && status.st_uid != 0)
        return refuse(owner() + ", and root loads only what root owns", "chown root '" + path + "'");
    // In a sticky directory such as /tmp others can add, but not replace what is ours.
    if (above && (status.st_mode & S_ISVTX) != 0)
        return {};
    if ((status.st_mode & S_IWOTH) != 0)
        return refuse("everybody may write to it (" + owner() + ")", "chmod o-w '" + path + "'");
    if ((status.st_mode & S_IWGRP) != 0 && !is_own_private_group(status.st_gid))
        return refuse("its group may write to it (" + owner() + ")", "chmod g-w '" + path + "'");
    return {};
}

// The directory and, for root, everything above it: who can replace a parent can replace what is below.
sdk::Result<void> check_directory(const std::string& path)
{
    if (auto trusted = check_trust(path, false); !trusted)
        return trusted;
    if (::geteuid() != 0)
        return {};
    for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0; slash = path.rfind('/', slash - 1))
        if (auto trusted = check_trust(path.substr(0, slash), true); !trusted)
            return trusted;
    return {};
}

// A symlink leads to a file in another directory, which then counts as well.
sdk::Result<void> check_file(const std::string& path, const std::string& checked_directory)
{
    const auto directory = path.substr(0, path.rfind('/'));
    if (directory != checked_directory)
        if (auto trusted = check_directory(directory.empty() ? "/" : directory); !trusted)
            return trusted;
    return check_trust(path, false);
}

std::optional<std::string> real_path(const std::string& path)
{
    std::array<char, PATH_MAX> buffer{};
    if (::realpath(path.c_str(), buffer.data()) == nullptr)
        return std::nullopt;
    return buffer.data();
}

// What BANGER_PLUGIN wrote into the library: three lines.
struct Mark {
    std::string id;
    std::string api;
    std::string cxx_abi;
};

sdk::Result<Mark> read_mark(const std::string& path)
{
    auto content = read_elf_section(path, mark_section);
    if (!content && content.error().code == sdk::Code::not_found)
        return sdk::make_error(sdk::Code::plugin, path + " is not marked as a banger plugin",
                               "build it with banger_add_plugin, and name its capabilities with BANGER_PLUGIN");
    if (!content)
        return std::move(content).error();
    content->resize(content->find('\0') == std::string::npos ? content->size() : content->find('\0'));
    const auto first = content->find('\n');
    const auto second = first == std::string::npos ? first : content->find('\n', first + 1);
    if (second == std::string::npos)
        return sdk::make_error(sdk::Code::plugin, path + " has a mark that cannot be read",
                               "build it again with this banger's SDK");
    return Mark{content->substr(0, first), content->substr(first + 1, second - first - 1), content->substr(second + 1)};
}

sdk::Result<void> check_identity(const std::string& path, const Sidecar& sidecar)
{
    const auto other = [&](const std::string& why) {
        return sdk::make_error(sdk::Code::plugin, "plugin '" + sidecar.id + "' does not fit this banger: " + why,
                               "build it again with this banger's SDK");
    };
    if (sidecar.api != host_api())
        return other("it is made for interface " + sidecar.api + ", and this is " + host_api());
    auto mark = read_mark(path);
    if (!mark)
        return std::move(mark).error();
    if (mark->api != host_api())
        return other("its library is made for interface " + mark->api + ", and this is " + host_api());
    if (mark->cxx_abi != BANGER_SDK_CXX_ABI)
        return other("it was built as " + mark->cxx_abi + ", and this is " BANGER_SDK_CXX_ABI);
    if (mark->id != sidecar.id)
        return other("its sidecar says '" + sidecar.id + "' and its library says '" + mark->id + "'");
    return {};
}

Found identify(const std::string& directory, const std::string& name)
{
    Found found;
    found.path = directory + "/" + name + std::string(library_suffix);
    found.sidecar_path = directory + "/" + name + std::string(sidecar_suffix);
    const auto library = real_path(found.path);
    const auto sidecar_file = real_path(found.sidecar_path);
    if (!library || !sidecar_file) {
        found.problem =
            sdk::make_error(sdk::Code::plugin,
                            library ? found.path + " has no sidecar " + name + std::string(sidecar_suffix)
                                    : found.sidecar_path + " has no library " + name + std::string(library_suffix),
                            "install the plugin again");
    } else {
        found.path = *library;
    }
    for (const auto& file : {library, sidecar_file})
        if (file && !found.problem)
            if (auto trusted = check_file(*file, directory); !trusted)
                found.problem = std::move(trusted).error();
    if (sidecar_file && (!found.problem || found.problem->code != sdk::Code::permission)) {
        auto sidecar = read_sidecar(found.sidecar_path);
        if (sidecar)
            found.sidecar = std::move(*sidecar);
        else if (!found.problem)
            found.problem = std::move(sidecar).error();
    }
    if (!found.problem)
        if (auto fits = check_identity(found.path, *found.sidecar); !fits)
            found.problem = std::move(fits).error();
    return found;
}

// Names of plugins in a directory, once each, whether they have a library, a sidecar or both.
std::set<std::string> names_in(const std::vector<std::string>& files)
{
    std::set<std::string> names;
    for (const std::string_view file : files)
        for (const auto suffix : {library_suffix, sidecar_suffix})
            if (file.size() > suffix.size() && file.ends_with(suffix))
                names.emplace(file.substr(0, file.size() - suffix.size()));
    return names;
}

class DuplicateCheck {
public:
    void check(Found& found)
    {
        if (found.problem || !found.sidecar)
            return;
        const auto first = ids_.find(found.sidecar->id);
        if (first != ids_.end())
            found.problem = duplicate("plugin '" + found.sidecar->id + "'", found.path, first->second);
        for (const auto& capability : found.sidecar->capabilities) {
            const auto earlier = capabilities_.find(capability);
            if (earlier != capabilities_.end() && !found.problem)
                found.problem = duplicate(capability.kind + " '" + capability.name + "'", found.path, earlier->second);
        }
        if (found.problem)
            return;
        ids_.emplace(found.sidecar->id, found.path);
        for (const auto& capability : found.sidecar->capabilities)
            capabilities_.emplace(capability, found.path);
    }

private:
    static sdk::Error duplicate(const std::string& what, const std::string& path, const std::string& first)
    {
        return sdk::make_error(sdk::Code::exists, path + " offers " + what + " again; it is taken from " + first,
                               "remove one of them");
    }

    std::map<std::string, std::string> ids_;
    std::map<CapabilityName, std::string> capabilities_;
};

}  // namespace

sdk::Result<void> check_trusted(const std::string& path)
{
    const auto real = real_path(path);
    return real ? check_file(*real, {}) : sdk::Result<void>(sdk::os_error("find " + path));
}

std::vector<std::string> search_path(std::vector<std::string> fixed)
{
    const char* extra = std::getenv("BANGER_PLUGIN_PATH");  // NOLINT(concurrency-mt-unsafe): it is never changed
    const std::string_view text = extra == nullptr ? "" : extra;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find(':', at), text.size());
        if (end > at)
            fixed.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return fixed;
}

std::vector<Found> discover(std::span<const std::string> directories)
{
    std::vector<Found> all;
    DuplicateCheck duplicates;
    std::set<std::string> seen;
    for (const auto& given : directories) {
        const auto directory = real_path(given);
        if (!directory || !seen.insert(*directory).second)
            continue;
        auto files = sdk::os::list_directory(*directory);
        auto trusted = check_directory(*directory);
        if (!files || !trusted) {
            all.push_back(Found{*directory, {}, {}, files ? std::move(trusted).error() : std::move(files).error()});
            continue;
        }
        for (const auto& name : names_in(*files)) {
            all.push_back(identify(*directory, name));
            duplicates.check(all.back());
        }
    }
    return all;
}

}  // namespace banger::plugins
