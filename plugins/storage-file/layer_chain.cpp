// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_chain.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string>

#include "banger/sdk/os/file.hpp"
#include "qcow2_overlay.hpp"

namespace banger::file {
namespace {

using sdk::Code;
using sdk::make_error;

// Fills in the layer's length, and returns what it stands on.
sdk::Result<std::optional<sdk::Layer>> look_at(sdk::Layer& layer)
{
    struct stat status {};
    if (::stat(layer.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode))
        return sdk::layer_is_gone(layer.path);
    if (layer.format == "raw") {
        layer.bytes = static_cast<std::uint64_t>(status.st_size);
        return std::optional<sdk::Layer>();
    }
    if (layer.format != "qcow2")
        return make_error(Code::unsupported,
                          "storage 'file' makes no disks over layers of format '" + layer.format + "'");
    auto fd = sdk::os::open_file(layer.path, O_RDONLY);
    if (!fd)
        return std::move(fd).error();
    auto overlay = read_qcow2_overlay(fd->get());
    if (!overlay)
        return std::move(overlay).error().while_doing("read the layer " + layer.path);
    layer.bytes = overlay->bytes;
    return std::optional(sdk::Layer{overlay->backing_path, 0, overlay->backing_format});
}

}  // namespace

sdk::Result<std::vector<sdk::Layer>> chain_of(const sdk::Layer& layer)
{
    return sdk::layers_from(layer, most_layers, look_at);
}

}  // namespace banger::file
