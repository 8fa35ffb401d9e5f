// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

/// A read-only disk state that writable disks stand on: a file that never changes while anything uses it. What else a
/// provider has to know of one it made lies beside it, under names that begin with the layer's own.
struct Layer {
    std::string path;            ///< absolute
    std::uint64_t bytes = 0;     ///< length of the disk that it holds; a disk over it is at least this long
    std::string format = "raw";  ///< "raw" for those of images; a frozen disk's is what its provider understands
};

struct DiskSpec {
    Owner owner;
    std::string role;          ///< "root", "work"; unique within the VM
    Layer layer;               ///< what it is made over; to attach it, that or any layer under it will do
    std::uint64_t bytes = 0;   ///< virtual size wanted, a multiple of 4096, >= layer.bytes
    std::string format;        ///< the word core picked from `offers`, such as "disk:qcow2"
};

/// A disk as a VMM opens it.
struct Disk {
    std::string role;
    std::string path;          ///< absolute path of a file or block device
    std::string format;        ///< "raw" or "qcow2"
    bool read_only = false;
    std::uint64_t bytes = 0;
    /// What it stands on now; none: it stands alone, or its storage did not say.
    std::optional<Layer> layer = std::nullopt;
};

/// storage/0: writable disks, keyed (vm, role), over layers.
///
/// A disk's *data* lives from create to destroy and is the user's; its *attachment* (loop, dm device: kernel objects)
/// lives from attach to release and is journalled. A provider whose data needs no kernel object has empty plans. What
/// disks that stand on one layer share in the kernel comes with the first that is attached and goes with the last: its
/// journal is the kernel's own count of who uses it.
/// Crashes: data that a guest flushed survives them; create leaves either a whole disk or none; growing leaves the old
/// length or the new one, and every byte below it.
class Storage : public Provider {
public:
    /// Makes the disk's data. Takes the same time whatever the layer's size. `exists` if it is there already;
    /// `unsupported` if such a disk cannot stand on a layer of that format; `precondition` if the layer stands on as
    /// many as the provider bears; `no_space` if the host is full; on error nothing is left.
    [[nodiscard]] virtual Result<void> create(const DiskSpec& spec, Call& call) = 0;

    /// Names what attach is about to make; touches nothing.
    [[nodiscard]] virtual Result<std::vector<Handle>> plan(const DiskSpec& spec) = 0;

    /// Makes the disk usable by a VMM, with all that was written to it, whatever became of a freeze (storage.fork/0) in
    /// a crash, and as long as the spec says: a shorter one is grown first, in the same time whatever the length, and
    /// reads zeros beyond its old end; a longer one stays as it is. Every layer under it is looked at. The caller sees
    /// to it that no VMM of this VM lives. `not_found` if it was never created, or its data or a layer is gone;
    /// `corrupt` if it does not stand on the spec's layer; `busy` if it would have to grow while somebody has it open;
    /// `unsupported` if it cannot be that long.
    [[nodiscard]] virtual Result<Attached<Disk>> attach(const DiskSpec& spec, Call& call) = 0;

    /// Undoes attach; keeps the data. Done already is success.
    [[nodiscard]] virtual Result<void> release(const Handle& handle) = 0;

    /// For the handle whose key is the disk's role, which is the one that attach returns, the facts tell of the data,
    /// attached or not: `bytes`, the disk's length; `allocated_bytes`, what it takes of the host; `apparent_bytes`, how
    /// long its files say they are; `failed`, "true" while it is attached and takes nothing more, as it could not be written
    /// to. None if there is no data.
    [[nodiscard]] virtual Result<Inspection> inspect(const Handle& handle) = 0;

    /// Every attachment of this instance that exists now, found without a journal.
    [[nodiscard]] virtual Result<std::vector<Handle>> list() = 0;

    /// Deletes the disk's data, and no layer. The caller sees to it that no VMM of this VM lives. Done already is
    /// success; `busy` while attached, being frozen, or visibly in use.
    [[nodiscard]] virtual Result<void> destroy(const Owner& owner, const std::string& role) = 0;
};

}  // namespace banger::sdk
