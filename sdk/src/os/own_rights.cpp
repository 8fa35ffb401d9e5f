// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/own_rights.hpp"

#include <sys/fsuid.h>
#include <unistd.h>

namespace banger::sdk::os {

// Both calls return what was before, and back to one's own never fails.
OwnRights::OwnRights()
    : user_(static_cast<uid_t>(::setfsuid(::geteuid()))), group_(static_cast<gid_t>(::setfsgid(::getegid())))
{
}

OwnRights::~OwnRights()
{
    (void)::setfsgid(group_);
    (void)::setfsuid(user_);
}

}  // namespace banger::sdk::os
