// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/disk_check.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {
namespace {

Result<bool> is_written_for_long(const std::string& path, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    const os::UniqueFd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    (void)::inotify_add_watch(watch.get(), path.c_str(), IN_CLOSE_WRITE);
    for (;;) {
        auto written = os::is_written(path);
        if (!written || !*written || std::chrono::steady_clock::now() >= deadline)
            return written;
        constexpr int moment_ms = 50;  // the close that was heard of may not be through yet
        pollfd closed{watch.get(), POLLIN, 0};
        (void)::poll(&closed, 1, moment_ms);
    }
}

}  // namespace

Result<void> check_length(const DiskSpec& spec)
{
    if (spec.bytes == 0 || spec.bytes % 4096 != 0)
        return make_error(Code::invalid, "disk '" + spec.role + "' cannot be " + std::to_string(spec.bytes) +
                                             " bytes long: that is not a multiple of 4096");
    return {};
}

Result<void> check_covers_layer(const DiskSpec& spec)
{
    if (auto legal = check_length(spec); !legal)
        return legal;
    if (spec.bytes < spec.layer.bytes)
        return make_error(Code::invalid,
                          "disk '" + spec.role + "' of " + std::to_string(spec.bytes) +
                              " bytes is smaller than its image of " + std::to_string(spec.layer.bytes),
                          "ask for a larger disk");
    return {};
}

Result<void> check_layer_length(const DiskSpec& spec, const Layer& found)
{
    if (found.bytes != spec.layer.bytes)
        return make_error(Code::corrupt, "the layer " + spec.layer.path + " has another size than its image says",
                          "delete the image and pull it again");
    return {};
}

Result<void> check_unused(const std::string& path, const std::string& role, std::chrono::milliseconds patience)
{
    auto written = patience.count() > 0 ? is_written_for_long(path, patience) : os::is_written(path);
    if (!written && written.error().code != Code::unsupported)
        return std::move(written).error();
    if (written && *written)
        return make_error(Code::busy, "disk '" + role + "' is in use: " + path, "stop the VM first");
    return {};
}

Fields size_facts(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return {};
    constexpr std::int64_t block = 512;  // of st_blocks, whatever the file system's own are (stat(2))
    return {{"allocated_bytes", std::to_string(status.st_blocks * block)},
            {"apparent_bytes", std::to_string(status.st_size)}};
}

}  // namespace banger::sdk
