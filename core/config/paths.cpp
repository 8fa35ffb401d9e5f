// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/config/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "banger/sdk/os/file.hpp"

namespace banger::config {
namespace {

std::string without_final_slash(std::string path)
{
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    return path;
}

bool is_absolute(const std::string& path)
{
    return !path.empty() && path.front() == '/';
}

// XDG Base Directory Specification: "All paths set in these environment variables must be absolute. If an
// implementation encounters a relative path [...] it should consider the path invalid and ignore it."
std::optional<std::string> absolute(const Environment& environment, const std::string& name)
{
    auto value = environment(name);
    if (!value || !is_absolute(*value))
        return std::nullopt;
    return without_final_slash(*value);
}

bool is_our_directory(const std::string& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
}

std::string runtime_directory(const Environment& environment, const std::string& state)
{
    if (const auto given = absolute(environment, "XDG_RUNTIME_DIR"); given && is_our_directory(*given))
        return *given + "/banger";
    if (const auto systemd = "/run/user/" + std::to_string(::geteuid()); is_our_directory(systemd))
        return systemd + "/banger";
    return ::geteuid() == 0 ? "/run/banger" : state + "/run";
}

sdk::Result<Paths> below(std::string home)
{
    if (!is_absolute(home)) {
        std::error_code problem;
        const auto whole = std::filesystem::absolute(home, problem);
        if (problem)
            return sdk::os_error("find BANGER_HOME '" + home + "'", problem.value());
        home = whole.lexically_normal().string();
    }
    home = without_final_slash(std::move(home));
    return Paths{home + "/config.toml", home + "/state", home + "/cache", home + "/run"};
}

}  // namespace

sdk::Result<Paths> Paths::find(const Environment& environment)
{
    if (auto home = environment("BANGER_HOME"); home && !home->empty())
        return below(std::move(*home));
    const auto home = absolute(environment, "HOME");
    const auto directory = [&](const std::string& variable, const std::string& in_home) -> std::optional<std::string> {
        if (auto given = absolute(environment, variable))
            return *given + "/banger";
        return home ? std::optional(*home + in_home + "/banger") : std::nullopt;
    };
    const auto config = directory("XDG_CONFIG_HOME", "/.config");
    const auto state = directory("XDG_STATE_HOME", "/.local/state");
    const auto cache = directory("XDG_CACHE_HOME", "/.cache");
    if (!config || !state || !cache)
        return sdk::make_error(sdk::Code::precondition,
                               "neither HOME nor BANGER_HOME says where banger may keep things",
                               "set HOME, or set BANGER_HOME to a directory of your own");
    return Paths{*config + "/config.toml", *state, *cache, runtime_directory(environment, *state)};
}

sdk::Result<Paths> Paths::find()
{
    return find([](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): it is never changed
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    });
}

sdk::Result<void> Paths::check() const
{
    const std::string directory = config_file.substr(0, config_file.rfind('/'));
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0)
        return errno == ENOENT ? sdk::Result<void>() : sdk::os_error("look at " + directory);
    if (!S_ISDIR(status.st_mode))
        return sdk::make_error(sdk::Code::invalid, directory + " is not a directory",
                               "BANGER_HOME names the directory that banger keeps everything in");
    if ((status.st_mode & (S_IWOTH | S_ISVTX)) == S_IWOTH)
        return sdk::make_error(sdk::Code::permission, "every user of this host can write to " + directory,
                               "`chmod o-w " + directory + "`, and see that nobody has");
    return {};
}

sdk::Result<void> Paths::make() const
{
    if (auto trusted = check(); !trusted)
        return trusted;
    for (const auto& directory : {state, vms(), images(), kernels(), cache, plugin_cache(), runtime})
        if (auto made = sdk::os::make_private_directory(directory); !made)
            return std::move(made).error().while_doing("prepare banger's directories");
    return {};
}

}  // namespace banger::config
