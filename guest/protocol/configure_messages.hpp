// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::agent {

/// What makes a guest this guest: its name, keys, disks and addresses. Sent once before the guest's init starts, and
/// again to a running guest that became another one (a fork): then disks and init are left as they are, and nothing of
/// the guest it was stays that could be taken for it.
struct Configuration {
    struct HostKey {
        std::string name;  ///< file name in /etc/ssh, e.g. ssh_host_ed25519_key
        std::string private_key;
        std::string public_key;
    };
    struct DiskMount {
        std::string
            role;  ///< equals the disk's virtio serial; else the disk with the same position in this list is taken
        std::string
            mount;  ///< "/" for exactly one; modules are mounted at <mount>, a directory made where there is none
        bool read_only = false;
    };
    struct Link {
        std::string mac;      ///< "52:54:00:12:34:56"
        std::string address;  ///< "10.0.2.15/24"
        std::string gateway;  ///< may be empty
        std::vector<std::string> dns;
    };

    /// 64 hexadecimal digits: the secret that opens the sessions after this one, which goes on. A fork knows its
    /// parent's; with a new one neither of the two answers to the other's. Empty: it stays.
    std::string token;
    std::string hostname;
    std::string machine_id;                    ///< 32 hexadecimal digits; empty: left as it is
    std::int64_t clock_ns = 0;                 ///< nanoseconds since 1970, UTC; 0: the guest's clock is left alone
    std::string seed;                          ///< base64, credited to the kernel's random pool
    std::vector<std::string> authorized_keys;  ///< lines added to root's
    std::vector<HostKey> ssh_host_keys;        ///< written where the image has sshd
    std::vector<DiskMount> disks;
    std::vector<Link> network;
    std::vector<std::string> dns_search;
    std::string init = "auto";  ///< auto, image or banger
};

[[nodiscard]] std::string to_json(const Configuration& configuration);
/// Errors: invalid.
[[nodiscard]] sdk::Result<Configuration> configuration_from_json(std::string_view text);

/// One step of the guest's start, in milliseconds since its kernel started.
struct GuestSpan {
    std::string name;
    double start_ms = 0;
    double duration_ms = 0;
};

/// The answer to a configuration.
struct GuestFacts {
    std::string kernel;  ///< uname -r
    std::string init;    ///< systemd, openrc, s6, banger, or the path of another init
    bool has_sshd = false;
    std::uint64_t root_bytes = 0;  ///< size of the root file system after it was grown
    std::vector<GuestSpan> spans;
};

[[nodiscard]] std::string to_json(const GuestFacts& facts);
/// Errors: invalid.
[[nodiscard]] sdk::Result<GuestFacts> guest_facts_from_json(std::string_view text);

}  // namespace banger::agent
