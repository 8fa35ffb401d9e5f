// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <vector>

#include "banger/sdk/jail.hpp"

namespace banger::privd {

/// Jails of this host, each a service of its own that systemd starts and that outlives this process. The spec has been looked
/// at already (Remit). Root's, with the user's rights over files, as all of the helper.
///
/// Threads: any.
class HostJails final : public sdk::Jails {
public:
    struct Settings {
        uid_t user = 0;  ///< not root
        gid_t group = 0;
        std::vector<gid_t> groups;
        std::string program;  ///< banger-jail, root's alone
    };

    explicit HostJails(Settings settings) : settings_(std::move(settings)) {}

    [[nodiscard]] sdk::Result<void> probe(sdk::Call& call) override;
    [[nodiscard]] sdk::Result<sdk::os::ProcessId> start(const sdk::JailSpec& spec, sdk::Call& call) override;

private:
    Settings settings_;
    std::atomic<unsigned> started_ = 0;
};

}  // namespace banger::privd
