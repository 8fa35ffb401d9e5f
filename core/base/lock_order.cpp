// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/lock_order.hpp"

#ifdef BANGER_LOCK_ORDER

#include <cstdio>
#include <cstdlib>

namespace banger::base::lock_order {
namespace {

thread_local int leaves = 0;

}  // namespace

Leaf::Leaf()
{
    about_to("take a lock");
    ++leaves;
}

Leaf::~Leaf()
{
    --leaves;
}

void about_to(const char* doing)
{
    if (leaves == 0)
        return;
    std::fprintf(stderr, "lock order broken: about to %s while a lock on data is held\n", doing);
    std::abort();
}

}  // namespace banger::base::lock_order

#endif
