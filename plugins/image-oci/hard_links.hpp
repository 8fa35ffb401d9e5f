// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace banger::oci {

/// The first names of files that have several, for as long as others are to come.
class HardLinks {
public:
    /// The name that the file had before: empty for the first of its `links` names.
    std::string earlier(std::uint64_t device, std::uint64_t inode, std::uint64_t links, const std::string& name)
    {
        const auto [there, is_new] = open_.try_emplace({device, inode}, First{name, links});
        std::string before = is_new ? std::string() : there->second.name;
        if (--there->second.left == 0)
            open_.erase(there);
        return before;
    }
    void clear() { open_.clear(); }

private:
    struct First {
        std::string name;
        std::uint64_t left;
    };
    std::map<std::pair<std::uint64_t, std::uint64_t>, First> open_;
};

}  // namespace banger::oci
