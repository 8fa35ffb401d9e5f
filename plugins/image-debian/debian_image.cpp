// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "debian_image.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "apt.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "build_output.hpp"
#include "containment.hpp"
#include "image_recipe.hpp"
#include "overlay.hpp"

namespace banger::debian {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr const char* overlay_file = "overlay.tar";

std::string joined_by_comma(const std::vector<std::string>& words)
{
    std::string text;
    for (const auto& word : words)
        text += (text.empty() ? "" : ",") + word;
    return text;
}

// A build must not depend on the caller's environment, but has to get through to the mirror.
std::vector<std::pair<std::string, std::string>> build_environment(const std::string& scratch,
                                                                   std::chrono::sys_seconds time)
{
    std::vector<std::pair<std::string, std::string>> environment{
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        {"HOME", "/"},
        {"LC_ALL", "C.UTF-8"},
        {"DEBIAN_FRONTEND", "noninteractive"},
        {"TMPDIR", scratch},
        {"SOURCE_DATE_EPOCH", std::to_string(time.time_since_epoch().count())}};
    for (const char* name : {"http_proxy", "https_proxy", "no_proxy"})
        if (const char* value = std::getenv(name); value != nullptr)  // NOLINT(concurrency-mt-unsafe): never changed
            environment.emplace_back(name, value);
    return environment;
}

/// One fetch: what every step of it needs.
class ImageFetch {
public:
    ImageFetch(const Config& config, const sdk::ImageRequest& request, sdk::Call& call)
        : config_(config), request_(request), call_(call)
    {
    }

    Result<sdk::ImageStream> go()
    {
        auto recipe = read_image_recipe(request_.recipe);
        if (!recipe)
            return std::move(recipe).error().while_doing("read image '" + request_.name + "'");
        auto time = prepare(*recipe);
        if (!time)
            return std::move(time).error().while_doing("prepare image '" + request_.name + "'");
        if (auto built = build(*recipe, *time); !built)
            return std::move(built).error();
        return sdk::ImageStream{"tar",
                                {{"suite", recipe->archive.suite},
                                 {"packages", std::to_string(output_.packages())},
                                 {"release_time", std::to_string(time->time_since_epoch().count())}}};
    }

private:
    [[nodiscard]] std::string path(const std::string& name) const { return request_.directory + "/" + name; }

    // Leaves the overlay in the directory; the time that all files are to be no newer than.
    Result<std::chrono::sys_seconds> prepare(const ImageRecipe& recipe)
    {
        const auto sources = sources_of(recipe.archive, config_);
        call_.progress({"ask the mirror", 0, 0, {}});
        auto apt = PrivateApt::create(path("apt"), {}, config_);
        if (!apt)
            return std::move(apt).error();
        auto time = newest_release(*apt, sources, path("apt"), call_);
        if (!time)
            return time;
        if (auto written = write_overlay(recipe.customize, *time, path(overlay_file)); !written)
            return std::move(written).error();
        if (auto made = os::make_directories(path("scratch")); !made)
            return std::move(made).error();
        return time;
    }

    // The file system is built by root (of a namespace), so --mode=root serves both kinds of user: with it the scratch
    // may lie below a private directory, which the other ids of mmdebstrap's own --mode=unshare cannot enter.
    [[nodiscard]] std::vector<std::string> mmdebstrap(const ImageRecipe& recipe) const
    {
        std::vector<std::string> argv{"mmdebstrap",
                                      "--verbose",
                                      "--mode=root",
                                      "--format=tar",
                                      "--variant=" + recipe.variant,
                                      "--components=" + joined_by_comma(recipe.archive.components),
                                      "--keyring=" + config_.keyring,
                                      "--skip=chroot/mount/sys",     // users may not mount it, and nothing needs it
                                      "--dpkgopt=force-unsafe-io"};  // a build that is cut off is thrown away
        for (const auto& option : apt_options(config_))
            argv.push_back("--aptopt=" + option.substr(0, option.size() - 1));  // mmdebstrap adds the semicolon
        if (!recipe.packages.empty())
            argv.push_back("--include=" + joined_by_comma(recipe.packages));
        for (auto& hook : mmdebstrap_hooks(recipe.customize, overlay_file))
            argv.push_back(std::move(hook));
        argv.insert(argv.end(), {recipe.archive.suite, "-"});
        for (const auto& source : sources_of(recipe.archive, config_))
            argv.push_back(source.line());
        return argv;
    }

    Result<void> build(const ImageRecipe& recipe, std::chrono::sys_seconds time)
    {
        auto meminfo = os::read_file("/proc/meminfo");
        Contained contained;
        contained.argv = mmdebstrap(recipe);
        contained.environment = build_environment(path("scratch"), time);
        contained.directory = request_.directory;
        contained.scratch = path("scratch");
        contained.scratch_memory = scratch_memory(config_.scratch, recipe.scratch_mib, meminfo.value_or({}));
        contained.output = request_.output;
        auto status = run_contained(contained, call_, [this](std::string_view line) {
            if (auto progress = output_.line(line))
                call_.progress(*progress);
        });
        if (!status)
            return std::move(status).error();
        if (*status != 0)
            return tool_error("make the image '" + request_.name + "' with mmdebstrap", output_.tail(), *status);
        return {};
    }

    const Config& config_;
    const sdk::ImageRequest& request_;
    sdk::Call& call_;
    BuildOutput output_;
};

class DebianImageSource final : public sdk::ImageSource {
public:
    explicit DebianImageSource(Config config) : config_(std::move(config)) {}

    Result<sdk::Probe> probe(sdk::Call& call) override
    {
        auto probe =
            probe_tools({{"mmdebstrap", "mmdebstrap"}, {"unshare", "util-linux"}, {"apt-get", "apt"}}, config_);
        if (!probe.usable)
            return probe;
        const bool is_root = ::geteuid() == 0;
        if (auto possible = check_containment(call); !possible) {
            probe.usable = false;
            probe.reason = possible.error().message;
            probe.hint = possible.error().hint;
            return probe;
        }
        probe.reason = is_root ? "images are built by mmdebstrap as root, in namespaces of their own"
                               : "images are built by mmdebstrap in a user namespace";
        probe.facts["mode"] = is_root ? "root" : "user-namespace";
        return probe;
    }

    Result<sdk::ImageStream> fetch(const sdk::ImageRequest& request, sdk::Call& call) override
    {
        return ImageFetch(config_, request, call).go();
    }

private:
    Config config_;
};

}  // namespace

std::string scratch_memory(Scratch wish, std::uint64_t needed_mib, const std::string& meminfo)
{
    if (wish == Scratch::disk)
        return {};
    constexpr std::string_view field = "MemAvailable:";
    const auto at = meminfo.find(field);
    const std::uint64_t available_mib =
        at == std::string::npos ? 0 : std::strtoull(meminfo.c_str() + at + field.size(), nullptr, 10) / 1024;
    if (wish == Scratch::automatic && available_mib < memory_headroom * needed_mib)
        return {};
    // A recipe's number is an estimate: leave room above it, but never all of the memory.
    return std::to_string(std::max(needed_mib, available_mib / 2)) + "m";
}

std::unique_ptr<sdk::ImageSource> make_image_source(Config config)
{
    return std::make_unique<DebianImageSource>(std::move(config));
}

}  // namespace banger::debian
