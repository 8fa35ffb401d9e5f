// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"
#include "tests/proofs/proof_guest.hpp"

namespace banger::proofs {

/// The disks that guests of these proofs write to.
inline const std::vector<std::string> roles{"root", "work"};
inline constexpr std::uint64_t disk_bytes = 1ULL << 30U;

/// One disk's frozen state, or any disk that no VMM writes to.
struct Side {
    std::string path;
    std::string format;
    std::string stored;  ///< the file whose content must never change again
};

/// The disks of one VM, in one of the forms that storage keeps them in. The indices are those of `roles`.
class LayeredDisks {
public:
    virtual ~LayeredDisks() = default;

    virtual void create(const Seed& seed, sdk::testing::FakeHost& host, const sdk::Owner& owner) = 0;

    [[nodiscard]] const std::vector<sdk::Disk>& tops() const { return tops_; }
    [[nodiscard]] std::vector<Side> sides() const
    {
        std::vector<Side> all;
        for (const auto& top : tops_)
            all.push_back({top.path, top.format, top.path});
        return all;
    }

    /// Freezes the tops of these disks at one instant. The guest runs on.
    virtual std::vector<Side> freeze(ProofGuest& guest, const std::vector<std::size_t>& which) = 0;
    /// What freeze does before it touches anything that runs, and no more: what is there when it is killed early.
    virtual void prepare() = 0;
    /// After prepare, and with the VMM dead: makes the newest tops those that a VMM is given.
    virtual void recover() = 0;
    /// Another VM's writable disks over frozen ones.
    virtual std::vector<sdk::Disk> fork(const std::vector<Side>& layers, const sdk::Owner& owner) = 0;

    /// A writable stand-in for a side, made at `path` or found by the returned one; and the end of it.
    virtual std::string scratch(const Side& side, const std::string& path);
    virtual void remove_scratch(const std::string& path);

    /// Whether freeze first has the host write what the guest did not flush, while the guest still runs.
    void flush_before(bool yes) { flush_before_ = yes; }
    /// How long the guest could not write, and what that was made of.
    [[nodiscard]] const std::string& told() const { return told_; }
    [[nodiscard]] double pause_ms() const { return pause_ms_; }

protected:
    void flush_tops(const std::vector<std::size_t>& which);
    void tell(double pause_ms, const std::string& how)
    {
        pause_ms_ = pause_ms;
        told_ = how;
    }

    sdk::Owner owner_;
    std::vector<sdk::Disk> tops_;
    sdk::testing::FakeCall call_;

private:
    bool flush_before_ = true;
    std::string told_;
    double pause_ms_ = 0;
};

/// Disks that are files: the top becomes the layer and the guest goes on in an overlay; the same with the older command, which
/// takes an overlay that is there; the layer is a clone, made while the machine stands still.
std::unique_ptr<LayeredDisks> make_qcow2_overlays();
std::unique_ptr<LayeredDisks> make_qcow2_snapshot_sync();
std::unique_ptr<LayeredDisks> make_raw_clones();

/// Disks out of device-mapper's snapshots.
std::unique_ptr<LayeredDisks> make_dm_disks();
/// A freeze of such disks whose process is killed behind so many of its six steps, and rolled forward by another.
std::vector<Side> freeze_killed(LayeredDisks& disks, std::size_t steps);
inline constexpr std::size_t dm_steps = 6;

}  // namespace banger::proofs
