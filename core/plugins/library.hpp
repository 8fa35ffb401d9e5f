// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "banger/sdk/plugin.hpp"
#include "banger/sdk/result.hpp"
#include "core/plugins/sidecar.hpp"

namespace banger::plugins {

/// A plugin's library in this process. Never unloaded: whatever came out of it stays valid for ever.
class Library {
public:
    /// Maps the library (everything it needs resolved at once, its symbols private to it) and compares its descriptor
    /// with the sidecar. Runs the library's static constructors and nothing else of it. `plugin` on any failure.
    [[nodiscard]] static sdk::Result<Library> load(const std::string& path, const Sidecar& sidecar);

    /// Null if it offers no such thing.
    [[nodiscard]] sdk::Factory factory(const CapabilityName& capability) const;

private:
    Library(std::shared_ptr<void> handle, const banger_plugin_descriptor& descriptor)
        : handle_(std::move(handle)), descriptor_(&descriptor)
    {
    }

    std::shared_ptr<void> handle_;
    const banger_plugin_descriptor* descriptor_;
};

}  // namespace banger::plugins
