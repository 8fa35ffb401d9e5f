// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

namespace banger::base::lock_order {

/// The order of locks, checked where it is broken (ARCHITECTURE.md, "A verb's life"): keyed locks are outermost and may
/// be held across anything; a *leaf* protects data, is taken last, alone, and for no longer than that takes: never
/// across a call of a plugin, a process, or the wait for another lock.
///
/// Checked where BANGER_LOCK_ORDER is defined, which debug builds and builds with tests do: a breach ends the process
/// with a sentence on standard error. Elsewhere all this is nothing. Threads: any; each has an account of its own.
#ifdef BANGER_LOCK_ORDER

/// Held together with a leaf.
class Leaf {
public:
    Leaf();
    Leaf(const Leaf&) = delete;
    Leaf& operator=(const Leaf&) = delete;
    ~Leaf();
};

/// `doing`, such as "call a plugin", may last: no leaf may be held meanwhile.
void about_to(const char* doing);

#else

class Leaf {
public:
    Leaf() {}  // NOLINT(modernize-use-equals-default): an object that is used by being there
};

inline void about_to(const char* /*doing*/) {}

#endif

}  // namespace banger::base::lock_order
