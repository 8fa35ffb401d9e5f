// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/result.hpp"

namespace banger::proofs {

/// A writable disk out of dm-snapshot devices, whose top becomes a layer while somebody has it open.
///
///     <id>-top      snapshot of the newest layer, into cow-<n>; the one device that a VMM opens, for ever the same
///     <id>-layer-<k>  read-only snapshot of layer k-1 (layer 0: of the base), out of cow-<k>
///     <id>-base     read-only: the image's file on a loop device, and zeros up to the disk's size
///
/// The files cow-<k> are all that is durable. What the kernel has is derived from them and from the devices' names and
/// tables, so any process can go on where another was killed. Tables name devices by number: no device node is needed,
/// and nobody waits for udev while a device is suspended.
///
/// Threads: one. Needs root. Destruction leaves all devices as they are.
class DmStack {
public:
    DmStack(std::string id, std::string directory, std::uint64_t bytes)
        : id_(std::move(id)), directory_(std::move(directory)), bytes_(bytes)
    {
    }

    /// Makes the devices over a base: a file, or the path of a block device that is long enough. Cow files that are
    /// there are taken as they are; without any, an empty one is made.
    sdk::Result<void> start(const std::string& base);
    /// Removes all devices; the files stay. Gone already is success.
    sdk::Result<void> stop();

    [[nodiscard]] std::string top_path() const;
    [[nodiscard]] std::string layer_path(unsigned k) const;
    [[nodiscard]] std::string cow_path(unsigned k) const;
    /// The newest cow file: the number of layers below the top.
    [[nodiscard]] unsigned newest() const;
    /// The cow that the top writes to now.
    [[nodiscard]] sdk::Result<unsigned> live() const;

    // The steps of a freeze, in order. Only from suspend to resume does the disk stand still.
    sdk::Result<void> make_cow();    ///< a new empty cow file, durable: from here on the freeze is rolled forward
    sdk::Result<void> load_layer();  ///< the layer device exists and fails; its table waits
    sdk::Result<void> load_top();    ///< the top's next table waits: over the layer, into the new cow
    sdk::Result<void> suspend();     ///< writes under way are done, later ones wait
    sdk::Result<void> hand_over();   ///< the layer takes what the top's cow holds, in memory; nothing is read again
    sdk::Result<void> resume();      ///< the top goes on with its next table
    /// Until device nodes are there; behind the steps of all disks that are frozen at one instant.
    void wait_for_udev();

    /// From wherever a freeze of these disks was left to its end. Those that still run are all suspended first: one
    /// disk after the other would be several instants.
    static sdk::Result<void> roll_forward(std::vector<DmStack>& stacks);

    using StepOf = sdk::Result<void> (DmStack::*)();
    static const std::vector<StepOf>& steps();

    /// For a layer or device with a name of its own: a throw-away writable snapshot. Its path.
    sdk::Result<std::string> scratch(const std::string& origin_path, const std::string& cow);
    sdk::Result<void> remove_scratch();

private:
    [[nodiscard]] std::string top() const { return id_ + "-top"; }
    [[nodiscard]] std::string layer(unsigned k) const { return id_ + "-layer-" + std::to_string(k); }
    [[nodiscard]] std::string base() const { return id_ + "-base"; }
    [[nodiscard]] std::string below(unsigned k) const { return k == 0 ? base() : layer(k - 1); }
    [[nodiscard]] bool has_handed_over() const;
    sdk::Result<void> come_to_rest();
    sdk::Result<void> swap_at_rest();
    sdk::Result<void> resume_if_suspended();
    sdk::Result<void> make_cow_file(unsigned k) const;
    sdk::Result<void> start_base(const std::string& path);
    sdk::Result<std::string> cow_device(unsigned k);
    sdk::Result<std::string> snapshot_of(const std::string& origin, unsigned cow);

    std::string id_;
    std::string directory_;
    std::uint64_t bytes_;
    std::vector<std::uint32_t> cookies_;    ///< of what udev was told and not waited for
    std::vector<sdk::os::UniqueFd> loops_;  ///< a loop device goes when neither we nor a table hold it
};

}  // namespace banger::proofs
