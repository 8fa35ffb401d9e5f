// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "banger/sdk/host.hpp"
#include "subnet.hpp"

namespace banger::tap {

/// Which VM has which address, in a file of the plugin's cache, so that each keeps its own over restarts. Lines: the
/// subnet, then "VM ADDRESS", of which a later one holds. Whoever wants an address that is taken has the VMs forgotten whose
/// directory is gone.
///
/// Threads: the caller holds the lock of the network (HostNetwork).
class Leases {
public:
    static sdk::Result<Leases> open(sdk::Host& host);

    [[nodiscard]] const std::optional<Subnet>& subnet() const { return subnet_; }
    [[nodiscard]] std::optional<Address> of(const std::string& vm) const;
    /// Another subnet than before takes every address away.
    void use(const Subnet& subnet);
    /// The VM's address, or a free one near the one that its id says; never one of those, which others use whatever this
    /// says. `busy` if the subnet is full.
    sdk::Result<Address> take(const std::string& vm, const std::set<Address>& of_others = {});
    /// Outlives this process once it returns; a power cut may take it back. Nothing to do where nothing is new.
    [[nodiscard]] sdk::Result<void> write();

    /// Whatever cannot be read counts as not there, and a last line that does not end: somebody was about to write it.
    void read(std::string_view text);

private:
    Leases(std::string file, std::string vms_directory) : file_(std::move(file)), vms_directory_(std::move(vms_directory))
    {
    }
    void add(const std::string& vm, Address address);
    void forget_the_gone();
    sdk::Result<void> append(std::string_view lines);
    sdk::Result<void> replace();

    std::string file_;
    std::string vms_directory_;
    std::optional<Subnet> subnet_;
    std::map<std::string, Address> addresses_;  ///< by VM
    std::string text_;                          ///< that says all of it
    std::string written_;                       ///< what the file says
};

}  // namespace banger::tap
