// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "library.hpp"

#include <libdevmapper.h>

namespace banger::dm {
namespace {

// All that it says is in the errors that are returned.
void say_nothing(int /*level*/, const char* /*file*/, int /*line*/, int /*error*/, const char* /*format*/, ...) {}

}  // namespace

std::unique_lock<std::mutex> lock_library()
{
    static std::mutex mutex;
    std::unique_lock lock(mutex);
    static const bool prepared = [] {
        dm_log_with_errno_init(say_nothing);
        dm_udev_set_checking(0);
        return true;
    }();
    (void)prepared;
    return lock;
}

}  // namespace banger::dm
