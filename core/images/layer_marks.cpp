// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/layer_marks.hpp"

namespace banger::images {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view reserved_prefix = ".wh..wh.";
constexpr std::string_view opaque = ".wh..wh..opq";

}  // namespace

sdk::Result<std::optional<Whiteout>> whiteout_of(std::string_view path)
{
    const auto slash = path.rfind('/');
    const auto name = slash == std::string_view::npos ? path : path.substr(slash + 1);
    const auto directory = slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
    if (!name.starts_with(whiteout_prefix))
        return std::optional<Whiteout>{};
    if (name == opaque)
        return std::optional(Whiteout{std::string(directory), true});
    // Other marks of AUFS mean nothing outside of it: nothing lies where they point.
    const auto hidden = name.starts_with(reserved_prefix) ? name : name.substr(whiteout_prefix.size());
    if (hidden.empty() || hidden == "." || hidden == "..")
        return sdk::make_error(sdk::Code::invalid, "the whiteout '" + std::string(path) + "' names no file");
    return std::optional(Whiteout{std::string(directory) + (directory.empty() ? "" : "/") + std::string(hidden), false});
}

}  // namespace banger::images
