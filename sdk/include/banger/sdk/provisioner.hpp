// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/host.hpp"

namespace banger::sdk {

struct GuestCommand {
    std::vector<std::string> argv;
    Fields environment;
    std::string directory;  ///< empty: the user's home
    std::string user;       ///< empty: root
    std::string input;      ///< given on standard input
};

struct GuestOutput {
    int status = 0;         ///< exit status, or 128 + signal
    std::string out;        ///< at most 1 MiB
    std::string err;        ///< at most 1 MiB
};

struct GuestFile {
    std::string path;       ///< absolute, in the guest
    std::string content;
    std::uint32_t mode = 0600;
};

/// One entry of a tree that is put into the guest. All entries belong to root there.
struct GuestEntry {
    enum class Type { directory, file, link };
    Type type = Type::file;
    std::string path;           ///< absolute, in the guest; any bytes but NUL
    std::uint32_t mode = 0600;  ///< of a file or a directory: permission bits
    std::string target;         ///< of a link: where it leads; not looked at
    /// Of a file: an open regular file with its content, which is read from its beginning to the end it has then. It
    /// stays the caller's, and is not used any more once the call returns. -1: `content` is the content.
    int source = -1;
    std::string content;
};

/// A running guest, reached through its agent. Implemented by the host only, so it may grow at its end.
/// Missing directories above what is written or put are made (0755). Errors of every call beside its own: `unavailable`
/// if the guest cannot be reached any more, `timed_out`, `cancelled`, and those of the guest's operating system.
class GuestAccess {
public:
    virtual ~GuestAccess() = default;
    [[nodiscard]] virtual Result<GuestOutput> run(const GuestCommand& command) = 0;
    /// Written under a temporary name and renamed: the guest sees the old file or the whole new one.
    [[nodiscard]] virtual Result<void> write(const GuestFile& file) = 0;
    /// Many entries in one request, in their order. Files as by `write`, however long, without holding them in memory.
    /// A directory that exists keeps its mode and what is in it; a link replaces a file or link. `invalid` if there is
    /// a directory where a file or link is to go, `exists` if there is something else where a directory is to go. On
    /// error the entries before the one that failed are in place.
    [[nodiscard]] virtual Result<void> put(const std::vector<GuestEntry>& entries) = 0;
    /// A regular file. `not_found`; `invalid` if it is longer than `most` bytes or is none.
    [[nodiscard]] virtual Result<std::string> read(const std::string& path, std::size_t most) = 0;
};

struct ProvisionRequest {
    Owner owner;
    std::string name;       ///< the VM's name
    Fields gathered;        ///< for apply: what gather told
};

/// provision/0: changes to a running guest, before it is handed to its user. Applied once in a VM's life, at the end of
/// its first start, when the guest takes commands; an error undoes that start. What the person should know although it
/// goes on, such as a file that was left out, is a warning of the call.
/// Crashes: the next start applies it again, and applying twice is the same as applying once.
class Provisioner : public Provider {
public:
    /// What apply will have to know of this host and takes a while to learn: read while the guest boots, which nobody has waited
    /// for yet. Changes nothing. An error undoes the start.
    [[nodiscard]] virtual Result<Fields> gather(const ProvisionRequest& /*request*/, Call& /*call*/) { return Fields{}; }

    [[nodiscard]] virtual Result<void> apply(const ProvisionRequest& request, GuestAccess& guest, Call& call) = 0;
};

}  // namespace banger::sdk
