// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "accelerator.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/vmm_process.hpp"
#include "command_line.hpp"
#include "config.hpp"

namespace banger::qemu {

std::string_view to_string(Accelerator accelerator);

/// Every QEMU of a banger: how it is named and found.
inline sdk::VmmProcess qemu_process()
{
    return {"qemu", "-name"};
}

/// What every machine of ours has.
inline sdk::Machine machine_on(Accelerator accelerator)
{
    return {std::string(to_string(accelerator)), sdk::ChannelKind::port};
}

/// A QEMU whose command line was accepted; its monitor greets whoever has `api`.
struct Started {
    sdk::VmmLaunch launch;
    sdk::os::UniqueFd api;
};

/// Checks all that QEMU would only say after its start and in its own words, and starts it. `process` outlives what is
/// returned. On error nothing is left.
sdk::Result<Started> start_qemu(const sdk::BootSpec& spec, const Installation& found, const Config& config,
                                bool incoming, const sdk::VmmProcess& process, sdk::Call& call);

/// What is wrong with a QEMU that greets nobody within the configuration's start_patience; any other error as it is.
sdk::Error never_started(sdk::Error error, const Config& config);

}  // namespace banger::qemu
