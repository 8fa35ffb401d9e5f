// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace banger::sdk {

/// Open key-value facts that travel with a value. Keys are snake_case, values are plain text.
using Fields = std::map<std::string, std::string>;

/// Whose thing it is. Every kernel object, file and process a provider makes carries these names.
struct Owner {
    std::string instance;   ///< id of the banger installation, 8 lower-case hex digits
    std::string vm;         ///< id of the virtual machine, 12 lower-case hex digits
    std::string directory;  ///< absolute path of the VM's directory; exists before any provider is called
};

/// One kernel object or process that a VM holds, as data.
///
/// A handle is noted in the VM's journal before the thing exists (planned, `bound` empty) and again once it does
/// (bound). `release` and `inspect` work from `owner` and `key` alone, in a process that never called `attach`;
/// `bound` only saves them a search.
struct Handle {
    std::string kind;      ///< capability kind that made it, such as "vmm/0"
    std::string provider;  ///< capability name, such as "qemu"
    std::string key;       ///< unique among the handles of one provider and VM, such as "root" or "process"
    Owner owner;
    Fields bound;          ///< what attach found out: pid, start_time, loop number
};

/// What a provider made, and the bound handle that undoes it.
template <typename T>
struct Attached {
    T value;
    Handle handle;
};

/// What inspect found for one handle.
struct Inspection {
    bool present = false;  ///< the object exists now (a dead or zombie process does not)
    Fields facts;          ///< the bound fields as they are now, and what else is worth showing
};

}  // namespace banger::sdk
