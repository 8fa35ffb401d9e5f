// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

namespace banger::sdk::os {

/// The rights of this process itself over files, on this thread, for as long as the object lives.
///
/// The root helper looks at files with the rights of the user whom it serves (setfsuid(2)), so that nobody can have it
/// open what he could not open himself. What a provider needs beyond that it opens within the scope of such an object:
/// device nodes, and its own cache. Never a path that came from outside. In any other process both are the same.
///
/// Threads: one. May be nested.
class OwnRights {
public:
    OwnRights();
    OwnRights(const OwnRights&) = delete;
    OwnRights& operator=(const OwnRights&) = delete;
    ~OwnRights();

private:
    uid_t user_;
    gid_t group_;
};

}  // namespace banger::sdk::os
