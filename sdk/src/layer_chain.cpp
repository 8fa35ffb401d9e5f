// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/layer_chain.hpp"

#include <algorithm>

namespace banger::sdk {

Result<std::vector<Layer>> layers_from(Layer layer, std::size_t most, const LookAtLayer& look)
{
    std::vector<Layer> layers;
    while (layers.size() < most) {
        auto below = look(layer);
        if (!below)
            return std::move(below).error();
        layers.push_back(std::move(layer));
        if (!*below)
            return layers;
        layer = std::move(**below);
    }
    return make_error(Code::corrupt, "the layer " + layers.front().path + " stands on more than " + std::to_string(most) +
                                         " others, or on itself");
}

Error layer_is_gone(const std::string& path)
{
    return make_error(Code::not_found, "the layer " + path + " is gone", "if it is an image's, pull that again");
}

Result<void> check_depth(const std::vector<Layer>& layers, std::size_t most, const std::string& role)
{
    if (layers.size() < most)
        return {};
    return make_error(Code::precondition,
                      "disk '" + role + "' stands on " + std::to_string(layers.size()) +
                          " layers, and more would make it slow",
                      "fork a VM that is nearer to its image");
}

Result<void> check_stands_on(const std::vector<Layer>& layers, const DiskSpec& spec)
{
    const auto meant = std::find_if(layers.begin(), layers.end(),
                                    [&](const Layer& layer) { return layer.path == spec.layer.path; });
    if (meant == layers.end())
        return make_error(Code::corrupt, "disk '" + spec.role + "' stands on " + layers.front().path + " and not on " +
                                             spec.layer.path);
    if (meant->bytes != spec.layer.bytes)
        return make_error(Code::corrupt, "the layer " + spec.layer.path + " under disk '" + spec.role +
                                             "' is no longer the one that it was made over");
    return {};
}

}  // namespace banger::sdk
