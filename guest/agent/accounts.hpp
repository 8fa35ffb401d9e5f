// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// Who a command runs as.
struct Account {
    std::string name;  ///< empty when the guest's files do not know the number
    uid_t uid = 0;
    gid_t gid = 0;
    std::string home = "/";
    std::string shell = "/bin/sh";
    std::vector<gid_t> groups;  ///< supplementary ones, `gid` among them
};

/// Resolves a name or uid[:gid] against the text of passwd(5) and group(5), without the C library's name service.
/// Numbers need not be in the files; names must. An empty `user` is root. Errors: not_found, invalid.
[[nodiscard]] sdk::Result<Account> find_account(std::string_view user, std::string_view passwd, std::string_view group);

}  // namespace banger::agent
