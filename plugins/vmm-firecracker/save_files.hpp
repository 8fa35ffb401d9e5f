// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "banger/sdk/host.hpp"
#include "banger/sdk/saved_machine.hpp"

namespace banger::firecracker {

/// What Firecracker writes of a save: the guest's memory, as long as that is, and all else.
inline constexpr const char* memory_name = "memory";
inline constexpr const char* devices_name = "devices";

inline sdk::SavedMachine saved_in(const std::string& directory)
{
    return {directory, {memory_name, devices_name}};
}

/// A save's name for itself, by which a machine's note says what its written pages are relative to: made in the empty
/// directory, and read from it. `not_found` if it has none.
sdk::Result<std::string> make_save_id(const std::string& directory);
sdk::Result<std::string> save_id(const std::string& directory);

/// Makes the file `to`, with the content of `from`, of which only what is no hole takes room, and none where the file system
/// shares blocks; and waits until it is on the disk. `exists` if something has that name, `no_space` before anything is
/// copied, `cancelled` with the call.
sdk::Result<void> copy_memory(const std::string& from, const std::string& to, const sdk::Call& call);

/// `no_space` if the file system of the path has less room than that.
sdk::Result<void> must_have_room(const std::string& path, std::uint64_t bytes);

/// All that begin_save may have made. Gone already is success.
sdk::Result<void> remove_save(const std::string& directory);

}  // namespace banger::firecracker
