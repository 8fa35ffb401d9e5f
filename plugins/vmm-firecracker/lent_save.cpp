// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "lent_save.hpp"

#include <fcntl.h>

#include "banger/sdk/os/file.hpp"
#include "jail.hpp"
#include "save_files.hpp"

namespace banger::firecracker {
namespace {

std::string name_in_jail(const std::string& vm_directory, const char* name)
{
    return jail_directory(vm_directory) + "/" + name;
}

}  // namespace

sdk::Result<void> lend_save(const std::string& vm_directory, const sdk::SavedMachine& saved)
{
    for (const auto& [name, lent] : {std::pair(memory_name, lent_memory), {devices_name, lent_devices}}) {
        auto made = sdk::os::open_file(saved.path_of(name), O_WRONLY | O_CREAT | O_NOFOLLOW);
        if (!made)
            return std::move(made).error();
        if (auto handed = hand_in(saved.path_of(name), name_in_jail(vm_directory, lent)); !handed)
            return handed;
    }
    return {};
}

sdk::Result<void> take_back_save(const std::string& vm_directory)
{
    auto memory = sdk::os::remove_file(name_in_jail(vm_directory, lent_memory));
    auto devices = sdk::os::remove_file(name_in_jail(vm_directory, lent_devices));
    return memory ? devices : memory;
}

}  // namespace banger::firecracker
