// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/base/synchronized.hpp"

namespace banger::lifecycle {

/// VMs, by id, that are in some state in this daemon's memory alone. Threads: any.
class VmSet {
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
