// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "banger/sdk/storage.hpp"
#include "disk_files.hpp"

namespace banger::dm {

/// The device of one disk, which its VMM opens.
class Attachment {
public:
    /// The role is a plain word (DiskFiles::of).
    Attachment(sdk::Host& host, const sdk::Owner& owner, const std::string& role);

    [[nodiscard]] const std::string& name() const { return name_; }

    /// Makes it over the layers of its chain, with its node. On error nothing is left.
    [[nodiscard]] sdk::Result<void> make(const DiskFiles::Top& top, std::span<const sdk::Layer> chain) const;
    /// Removes it, and what nobody stands on any more. Gone already is success; `busy` if somebody keeps any of that open.
    [[nodiscard]] sdk::Result<void> release() const;
    /// The same before it is made. What others stood on and somebody keeps open is no matter of this disk: it is left there.
    [[nodiscard]] sdk::Result<void> make_way() const;

private:
    [[nodiscard]] sdk::Result<void> make_device(const DiskFiles::Top& top, std::span<const sdk::Layer> chain) const;
    [[nodiscard]] sdk::Result<void> remove() const;

    sdk::Host& host_;
    std::string name_;
};

}  // namespace banger::dm
