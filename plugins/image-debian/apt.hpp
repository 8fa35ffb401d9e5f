// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/process.hpp"
#include "config.hpp"

namespace banger::debian {

/// What of Debian's archive a recipe draws from.
struct Archive {
    std::string suite;                    ///< such as bookworm
    std::vector<std::string> components;  ///< such as main
    std::vector<std::string> pockets;     ///< of updates, security, backports
};

/// One archive at a mirror, as a line of sources.list(5) names it.
struct Source {
    std::string mirror;
    std::string suite;
    std::vector<std::string> components;

    [[nodiscard]] std::string line(const std::string& options = {}) const;  ///< options: such as signed-by=/a/file
    [[nodiscard]] std::string in_release() const;                           ///< address of its signed index
};
std::vector<Source> sources_of(const Archive& archive, const Config& config);

/// What apt is told in addition to the sources, in the syntax of apt.conf(5): few retries and short time-outs, so that
/// a mirror that does not answer is an error within seconds; no change of user, who could not enter a private
/// directory.
std::vector<std::string> apt_options(const Config& config);

/// An apt with a configuration, sources and state of its own in one directory. It reads nothing of the host's apt but
/// its programs, and needs no root.
class PrivateApt {
public:
    /// Writes what apt needs below `directory`, which must not exist yet.
    static sdk::Result<PrivateApt> create(const std::string& directory, const std::vector<Source>& sources,
                                          const Config& config);

    /// Runs a program of apt, such as {"apt-get", "update"}; its output. `unavailable` if the mirror does not answer.
    sdk::Result<sdk::os::Output> run(std::vector<std::string> argv, sdk::Call& call,
                                     std::chrono::minutes timeout) const;
    /// Fetches (address, path, perhaps "SHA256:<hex>") into files.
    struct Download {
        std::string address;
        std::string path;
        std::string hash;
    };
    [[nodiscard]] sdk::Result<void> fetch(const std::vector<Download>& downloads, sdk::Call& call,
                                          std::chrono::minutes timeout) const;

private:
    explicit PrivateApt(std::string directory) : directory_(std::move(directory)) {}
    std::string directory_;
};

/// When the newest of these sources was made, by the Date in their indices (Debian's RepositoryFormat). Asks the
/// mirror, so it also tells quickly whether there is one. Its signature is not looked at: it says a time and nothing
/// else.
sdk::Result<std::chrono::sys_seconds> newest_release(const PrivateApt& apt, const std::vector<Source>& sources,
                                                     const std::string& directory, sdk::Call& call);
/// The Date line of an index; `corrupt` without one. Such as "Date: Sat, 11 Jul 2026 10:16:37 UTC".
sdk::Result<std::chrono::sys_seconds> release_date(const std::string& index);

/// What a failed apt or mmdebstrap said, as one of our errors: `doing` reads like "make the image 'x'".
sdk::Error tool_error(const std::string& doing, std::string_view output, int status);

/// One paragraph of a Debian control file (deb-control(5)) such as `apt-cache show` prints: a field's first line.
std::string control_field(std::string_view paragraph, std::string_view field);

/// Whether the keyring and the programs are there; a Probe that is not usable says what to install.
sdk::Probe probe_tools(const std::vector<std::pair<std::string, std::string>>& programs_and_packages,
                       const Config& config);

}  // namespace banger::debian
