// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::tap {

/// A tap that goes with this object, and with whoever dies over it, unless it was kept (Documentation/networking/tuntap.rst).
class NewTap {
public:
    /// Whoever may make taps may open it, and nobody else. `exists` if there is an interface of that name; `unsupported`
    /// without /dev/net/tun.
    static sdk::Result<NewTap> make(const std::string& name);

    [[nodiscard]] const std::string& name() const { return name_; }
    /// It stays until it is removed as an interface.
    sdk::Result<void> keep();

private:
    NewTap(std::string name, sdk::os::UniqueFd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

    std::string name_;
    sdk::os::UniqueFd fd_;
};

/// From now on that user may open the tap, too, by its name: a VMM does. `busy` if somebody has it open.
sdk::Result<void> give_tap(const std::string& name, uid_t user);

/// Whether that user's VMM can open the taps that he is given.
sdk::Result<void> check_user(uid_t user);

}  // namespace banger::tap
