// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/provisioner.hpp"

namespace banger::sdk::testing {

/// provision/0 that leaves a mark in the guest: the file /etc/banger-fake with the VM's name. It passes
/// ProvisionerContract.
class FakeProvisioner : public Provisioner {
public:
    static constexpr const char* path = "/etc/banger-fake";

    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.usable = true;
        probe.reason = "a fake for tests";
        return probe;
    }

    Result<void> apply(const ProvisionRequest& request, GuestAccess& guest, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        return guest.write({path, request.name + "\n", 0644});
    }
};

}  // namespace banger::sdk::testing
