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

sdk::Result<void> LayerMarks::note(const std::string& path, bool directory)
{
    const auto [mark, is_new] = paths_.emplace(path, directory ? Mark::directory : Mark::other);
    if (!is_new) {
        if (!directory || mark->second == Mark::other)
            return sdk::make_error(sdk::Code::invalid, "the layer holds '" + path + "' twice");
        mark->second = Mark::directory;
        return {};
    }
    for (auto slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/', slash - 1))
        if (!paths_.emplace(path.substr(0, slash), Mark::parent).second || slash == 0)
            return {};
    if (!path.empty())
        paths_.emplace("", Mark::parent);
    return {};
}

}  // namespace banger::images
