// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What a sync in both directions does where both sides changed.
#include <fcntl.h>

#include <filesystem>

#include "banger/sdk/os/file.hpp"
#include "cli/text.hpp"
#include "cli/workspace/same_content.hpp"
#include "cli/workspace/two_way.hpp"
#include "guest/tree/unpacker.hpp"

namespace banger::workspace {

sdk::Result<void> TwoWaySync::fetch_into(const TemporaryDirectory& place, const std::vector<std::string>& names)
{
    const std::set<std::string> asked(names.begin(), names.end());
    return there_.fetch(names, [&](int in) -> sdk::Result<void> {
        auto directory = sdk::os::open_file(place.path(), O_RDONLY | O_DIRECTORY);
        if (!directory)
            return std::move(directory).error();
        tree::UnpackOptions options;
        options.takes = [&](const std::string& name) { return asked.count(name) != 0; };
        options.on_in_the_way = [](const std::string& /*name*/) {};  // it changed meanwhile: that is another round's
        tree::DescriptorInput stream(in);
        auto unpacked = tree::unpack(stream, directory->get(), ".", options);
        return unpacked ? sdk::Result<void>() : std::move(unpacked).error();
    });
}

/// All of the guest's goes beside what is here, under one name.
sdk::Result<void> TwoWaySync::keep_apart(const std::map<std::string, std::vector<std::string>>& collisions,
                                         const std::map<std::string, Sides>& sides, Synced& synced)
{
    namespace fs = std::filesystem;
    if (collisions.empty())
        return {};
    auto place = TemporaryDirectory::make();
    if (!place)
        return std::move(place).error();
    std::vector<std::string> theirs;
    for (const auto& [root, names] : collisions)
        for (const auto& name : names)
            if (sides.at(name).there)
                theirs.push_back(name);
    if (auto fetched = fetch_into(*place, theirs); !fetched)
        return fetched;
    for (const auto& [root, names] : collisions) {
        conflicts_.add(root, {});
        for (const auto& name : names) {
            conflicts_.add(name, sides.at(name).there.value_or(tree::Stamp{}));
            const fs::path from = place->path() + "/" + name;
            const fs::path to = here_->root() + "/" + root + conflict_ending + name.substr(root.size());
            std::error_code problem;
            if (!fs::exists(fs::symlink_status(from, problem)))
                continue;
            problem.clear();
            fs::create_directories(to.parent_path(), problem);
            if (!problem)
                fs::copy(from, to, fs::copy_options::copy_symlinks, problem);
            if (problem)
                return sdk::os_error("keep the vm's version of " + cli::quoted(name), problem.value());
        }
        synced.conflicts.push_back(root);
    }
    return {};
}

sdk::Result<void> TwoWaySync::compare(const std::vector<std::string>& names, const std::map<std::string, Sides>& sides,
                                      Synced& synced)
{
    if (names.empty())
        return {};
    auto place = TemporaryDirectory::make();
    if (!place)
        return std::move(place).error();
    if (auto fetched = fetch_into(*place, names); !fetched)
        return fetched;
    for (const auto& name : names) {
        const Sides& side = sides.at(name);
        const auto same = have_same_content(here_->root() + "/" + name, place->path() + "/" + name, side);
        if (!same)
            continue;  // one of them changed or went meanwhile: that is another round's
        if (*same && (side.here->mode & 0777U) == (side.there->mode & 0777U)) {
            agreed_[name] = {side.here, side.there};
            continue;
        }
        if (auto kept = keep_both(name, place->path() + "/" + name); !kept)
            return kept;
        conflicts_.add(name, *side.there);
        synced.conflicts.push_back(name);
    }
    return {};
}

sdk::Result<void> TwoWaySync::keep_both(const std::string& name, const std::string& theirs)
{
    const std::string copy = here_->root() + "/" + name + conflict_ending;
    std::error_code problem;
    std::filesystem::remove(copy, problem);
    std::filesystem::copy(theirs, copy, std::filesystem::copy_options::copy_symlinks, problem);
    if (problem)
        return sdk::os_error("keep the vm's version of " + cli::quoted(name), problem.value());
    return {};
}

}  // namespace banger::workspace
