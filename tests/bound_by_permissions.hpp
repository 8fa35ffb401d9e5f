// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace banger::test {

/// While it lives, permissions count for this thread and those that it starts, though it is root's (capabilities(7)).
class BoundByPermissions {
public:
    BoundByPermissions()
    {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        EXPECT_EQ(::syscall(SYS_capget, &header, before_), 0);
        __user_cap_data_struct bound[2] = {before_[0], before_[1]};
        bound[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
        EXPECT_EQ(::syscall(SYS_capset, &header, bound), 0);
    }
    ~BoundByPermissions()
    {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        EXPECT_EQ(::syscall(SYS_capset, &header, before_), 0);
    }
    BoundByPermissions(const BoundByPermissions&) = delete;
    BoundByPermissions& operator=(const BoundByPermissions&) = delete;

private:
    __user_cap_data_struct before_[2] = {};
};

}  // namespace banger::test
