// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "config.hpp"

namespace banger::firecracker {

/// A Firecracker's version. A suffix such as "-dev" is read over.
struct Version {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned patch = 0;

    /// From "1.16.1"; none if the text does not begin with two numbers.
    static std::optional<Version> from(std::string_view text);
    friend auto operator<=>(const Version&, const Version&) = default;
};
std::string to_string(const Version& version);

/// Why such a Firecracker cannot save and restore machines, as a sentence; empty if it can. A restore has to give a machine
/// its own tap, which none before 1.12 can, and 1.16.0 leaves it without its agent's channel.
std::string snapshot_problem(const Version& version);

/// Whether nobody reaches the agent of a machine that stood still and goes on, but for one that was saved meanwhile: such a
/// Firecracker holds back what is for its guest until that has heard of a reset, which only a save tells it of. Mended behind
/// 1.16.1 ("do not arm the TRANSPORT_RESET RX gate on bare resume").
bool is_deaf_once_resumed(const Version& version);

/// The Firecracker of this host.
struct Installation {
    std::string program;  ///< absolute path
    Version version;
};

/// Finds Firecracker, and whether guests run on it here.
/// Threads: any number; one looks, the others wait for it.
class Search {
public:
    Search(sdk::Host& host, Config config) : host_(host), config_(std::move(config)) {}

    /// `not_found` if there is none; `unsupported` if it is older than 1.8, the first whose devices a kernel finds
    /// through ACPI, as Debian's must.
    sdk::Result<Installation> look(sdk::Call& call);

    /// Why no guest runs on it here, as a sentence; empty if one did, which was tried. Errors: those of the trial itself.
    sdk::Result<std::string> problem(const Installation& found, sdk::Call& call);

private:
    sdk::Host& host_;
    Config config_;
    std::mutex mutex_;
    std::optional<Installation> found_;
    std::string found_for_;               // the file that found_ and tried_ are of
    std::optional<std::string> tried_;
};

}  // namespace banger::firecracker
