// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "layer_chain.hpp"

#include <optional>

#include "cow_file.hpp"
#include "cow_note.hpp"
#include "file_id.hpp"
#include "table.hpp"

namespace banger::dm {
namespace {

using sdk::Code;
using sdk::make_error;

// Fills in the layer's length, and returns what it stands on.
sdk::Result<std::optional<sdk::Layer>> look_at(sdk::Layer& layer)
{
    auto facts = facts_of(layer.path);
    if (!facts)
        return facts.error().code == Code::not_found ? sdk::layer_is_gone(layer.path) : std::move(facts).error();
    if (layer.format == "raw") {
        layer.bytes = facts->bytes;
        return std::optional<sdk::Layer>();
    }
    if (layer.format != cow_format)
        return make_error(Code::unsupported,
                          "storage 'dm' makes no disks over layers of format '" + layer.format + "'");
    if (auto valid = cow::validity_of(layer.path); !valid)
        return std::move(valid).error();
    auto note = read_note(layer.path);
    if (!note)
        return std::move(note).error().while_doing("look at the layer " + layer.path);
    if (auto same = check_mark(note->layer, note->layer_mark); !same)
        return std::move(same).error();
    layer.bytes = note->bytes;
    return std::optional(note->layer);
}

}  // namespace

sdk::Result<std::vector<sdk::Layer>> chain_of(const sdk::Layer& layer)
{
    return sdk::layers_from(layer, most_layers, look_at);
}

sdk::Result<void> check_mark(const sdk::Layer& layer, const std::string& mark)
{
    auto now = mark_of(layer);
    if (!now)
        return now.error().code == Code::not_found ? sdk::layer_is_gone(layer.path) : std::move(now).error();
    auto facts = facts_of(layer.path);
    if (!facts)
        return std::move(facts).error();
    if (*now == mark && (layer.format == cow_format || facts->bytes == layer.bytes))
        return {};
    return make_error(Code::corrupt, "at " + layer.path + " is no longer the layer that disks were made over",
                      "put back the file that was there, with its time; without it those disks cannot be read");
}

}  // namespace banger::dm
