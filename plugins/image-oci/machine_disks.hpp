// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/host.hpp"

namespace banger::oci {

/// A disk of a machine that stands still, as its storage names it.
struct DiskFile {
    std::string path;    ///< absolute; a file or a block device
    std::string format;  ///< "raw" or "qcow2"
};

/// A machine to make an image of.
struct MachineDisks {
    DiskFile root;
    DiskFile work;           ///< what is at /root
    std::string client_key;  ///< the line of root's authorized_keys that is not the image's
};

/// Writes what is in the machine's file systems as one archive (ext4_root.hpp). A qcow2 disk is first unfolded into `scratch`
/// by qemu-img. Errors: unsupported for another format; not_found without qemu-img where it is needed; those of
/// stream_machine.
sdk::Result<void> stream_disks(const MachineDisks& machine, const std::string& scratch, int output, sdk::Call& call);

}  // namespace banger::oci
