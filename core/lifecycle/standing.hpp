// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/synchronized.hpp"

namespace banger::lifecycle {

/// VMs, by id, that stand still until there is room on the host's disk again. In this daemon's memory alone: the next one
/// lets go on whatever it finds standing (adopt.hpp), and looks at the room itself. Threads: any.
class Standing {
public:
    void add(const std::string& vm) { vms_.lock()->insert(vm); }
    /// Whether it was one of them.
    bool remove(const std::string& vm) { return vms_.lock()->erase(vm) > 0; }
    [[nodiscard]] bool has(const std::string& vm) const { return vms_.lock()->count(vm) > 0; }
    [[nodiscard]] std::vector<std::string> all() const
    {
        const auto vms = vms_.lock();
        return {vms->begin(), vms->end()};
    }

private:
    base::Synchronized<std::set<std::string>> vms_;
};

}  // namespace banger::lifecycle
