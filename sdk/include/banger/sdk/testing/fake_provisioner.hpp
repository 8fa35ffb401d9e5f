// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "banger/sdk/provisioner.hpp"

namespace banger::sdk::testing {

/// provision/0 that leaves a mark in the guest: the file /etc/banger-fake with the VM's name, once it has gathered it. It
/// passes ProvisionerContract.
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

    Result<Fields> gather(const ProvisionRequest& request, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        return Fields{{"name", request.name}};
    }

    Result<void> apply(const ProvisionRequest& request, GuestAccess& guest, Call& call) override
    {
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        const auto name = request.gathered.find("name");
        if (name == request.gathered.end())
            return make_error(Code::internal, "it was not asked to gather first");
        return guest.write({path, name->second + "\n", 0644});
    }
};

}  // namespace banger::sdk::testing
