// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/testing/fake_overlay.hpp"

namespace banger::sdk::testing {

/// How a machine meets a disk that is made of layers.
enum class FakeTop {
    file,    ///< it opens the newest top itself; a freeze has a new one for it
    device,  ///< it opens a device that keeps its name, and a freeze puts another top under that
};

/// The files of one disk of FakeLayeredStorage: tops `<role>.<n>.fake` (FakeOverlay), `<role>.fake-freeze`, and the
/// device, a symbolic link `<role>.device` to the top below it that is there while the disk is attached.
class FakeLayers {
public:
    static constexpr std::size_t most_layers = 8;

    FakeLayers(const Owner& owner, std::string role) : directory_(owner.directory), stem_(directory_ + "/" + role) {}

    [[nodiscard]] std::string top(unsigned number) const { return stem_ + "." + std::to_string(number) + ".fake"; }
    [[nodiscard]] std::string device() const { return stem_ + ".device"; }
    [[nodiscard]] std::string note() const { return stem_ + ".fake-freeze"; }
    /// The newest top's number; none if there is no disk.
    [[nodiscard]] std::optional<unsigned> newest() const
    {
        std::optional<unsigned> newest;
        for (const auto& name : os::list_directory(directory_).value_or({})) {
            const std::string path = directory_ + "/" + name;
            if (!path.starts_with(stem_ + ".") || !path.ends_with(".fake"))
                continue;
            unsigned number = 0;
            std::from_chars(path.data() + stem_.size() + 1, path.data() + path.size(), number);
            newest = std::max(newest.value_or(0), number);
        }
        return newest;
    }

    /// Puts a top under the device, at once.
    Result<void> set_device(const std::string& top) const
    {
        const std::string half = device() + ".new";
        (void)os::remove_file(half);
        if (::symlink(top.c_str(), half.c_str()) != 0 || ::rename(half.c_str(), device().c_str()) != 0)
            return os_error("make " + device());
        return {};
    }
    /// What is under the device; empty if there is none.
    [[nodiscard]] std::string under_device() const { return target_of(device()); }

    static std::string target_of(const std::string& link)
    {
        std::string target(4096, '\0');
        const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
        target.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
        return target;
    }

    /// The layer and those that it stands on, with their lengths.
    static Result<std::vector<Layer>> chain_of(Layer layer)
    {
        std::vector<Layer> chain;
        for (;;) {
            struct stat status {};
            if (::stat(layer.path.c_str(), &status) != 0)
                return make_error(Code::not_found, "the layer " + layer.path + " is gone");
            if (layer.format != "fake" && layer.format != "raw")
                return make_error(Code::unsupported, "a fake disk cannot stand on a layer of format " + layer.format);
            layer.bytes = static_cast<std::uint64_t>(status.st_size);
            chain.push_back(layer);
            if (layer.format == "raw")
                return chain;
            auto overlay = FakeOverlay::open(layer.path);
            if (!overlay)
                return std::move(overlay).error();
            chain.back().bytes = overlay->bytes();
            layer = overlay->below();
        }
    }

private:
    std::string directory_;
    std::string stem_;
};

/// The devices of layers, as a kernel keeps them: files below the cache, one for each layer that an attached disk
/// stands on, whoever's that is.
class FakeLayerDevices {
public:
    explicit FakeLayerDevices(Host& host) : host_(host), directory_(host.cache_directory() + "/fake-devices") {}

    [[nodiscard]] std::vector<std::string> list() const { return os::list_directory(directory_).value_or({}); }

    /// Makes those that are needed now, and removes those that are not.
    Result<void> settle()
    {
        if (auto made = os::make_private_directory(directory_); !made)
            return made;
        const auto needed = names_needed();
        for (const auto& name : list())
            if (!needed.contains(name))
                if (auto removed = os::remove_file(directory_ + "/" + name); !removed)
                    return removed;
        for (const auto& name : needed)
            if (!os::exists(directory_ + "/" + name))
                if (auto wrote = os::write_file_atomic(directory_ + "/" + name, ""); !wrote)
                    return wrote;
        return {};
    }

private:
    [[nodiscard]] std::set<std::string> names_needed() const
    {
        std::set<std::string> names;
        for (const auto& vm : os::list_directory(host_.vms_directory()).value_or({}))
            for (const auto& name : os::list_directory(host_.vms_directory() + "/" + vm).value_or({})) {
                if (!name.ends_with(".device"))
                    continue;
                const auto top = FakeLayers::target_of(host_.vms_directory() + "/" + vm + "/" + name);
                for (const auto& layer : FakeLayers::chain_of({top, 0, "fake"}).value_or({}))
                    if (layer.path != top && layer.format == "fake")
                        names.insert(escaped(layer.path));
            }
        return names;
    }
    static std::string escaped(std::string path)
    {
        std::replace(path.begin(), path.end(), '/', '!');
        return path;
    }

    Host& host_;
    std::string directory_;
};

}  // namespace banger::sdk::testing
