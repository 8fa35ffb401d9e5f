// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// A running guest, reached through its agent. Implemented by the host only, so it may grow at its end.
class GuestAccess {
public:
    virtual ~GuestAccess() = default;
    [[nodiscard]] virtual Result<GuestOutput> run(const GuestCommand& command) = 0;
    /// Written under a temporary name and renamed: the guest sees the old file or the whole new one.
    [[nodiscard]] virtual Result<void> write(const GuestFile& file) = 0;
};

struct ProvisionRequest {
    Owner owner;
    std::string name;       ///< the VM's name
};

/// provision/0: changes to a running guest, before it is handed to its user.
/// Crashes: applying twice is the same as applying once.
class Provisioner : public Provider {
public:
    [[nodiscard]] virtual Result<void> apply(const ProvisionRequest& request, GuestAccess& guest, Call& call) = 0;
};

}  // namespace banger::sdk
