// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/provisioner.hpp"

/// Greets whoever logs in to a machine with the machine's name.
class Motd : public banger::sdk::Provisioner {
public:
    banger::sdk::Result<banger::sdk::Probe> probe(banger::sdk::Call& /*call*/) override
    {
        banger::sdk::Probe probe;
        probe.usable = true;
        probe.reason = "a message of the day for every machine";
        return probe;
    }

    banger::sdk::Result<void> apply(const banger::sdk::ProvisionRequest& request, banger::sdk::GuestAccess& guest,
                                    banger::sdk::Call& call) override
    {
        if (call.cancelled())
            return banger::sdk::make_error(banger::sdk::Code::cancelled, "cancelled");
        return guest.write({"/etc/motd", "This is " + request.name + ".\n", 0644});
    }
};
