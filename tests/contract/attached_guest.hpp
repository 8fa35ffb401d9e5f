// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "banger/sdk/network.hpp"
#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::sdk::testing {

/// A guest's tap, connected: with the first of them the network's bridge is there, with the last it goes.
class AttachedGuest {
public:
    AttachedGuest(std::unique_ptr<Network> network, const Host& host) : network_(std::move(network))
    {
        Owner owner{host.instance(), "0123456789ab", host.vms_directory() + "/0123456789ab"};
        EXPECT_TRUE(os::make_private_directory(owner.directory));
        FakeCall call;
        auto attached = network_->attach({std::move(owner), Egress::internet, "link:tap"}, call);
        EXPECT_TRUE(attached) << attached.error().message;
        if (!attached)
            return;
        handle_ = attached->handle;
        EXPECT_TRUE(network_->connect(handle_, call));
    }
    ~AttachedGuest() { EXPECT_TRUE(network_->release(handle_)); }
    AttachedGuest(const AttachedGuest&) = delete;
    AttachedGuest& operator=(const AttachedGuest&) = delete;

private:
    std::unique_ptr<Network> network_;
    Handle handle_;
};

}  // namespace banger::sdk::testing
