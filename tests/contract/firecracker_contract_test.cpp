// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "banger/sdk/testing/vmm_contract.hpp"
#include "banger/sdk/testing/vmm_snapshot_contract.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"
#include "firecracker_machines.hpp"
#include "firecracker_snapshot.hpp"
#include "firecracker_vmm.hpp"

namespace banger::sdk::testing {
namespace {

// In jails of this host's root helper, where a set of the lab says that it has one for us (BANGER_TEST_JAILS).
void use_jails(Host& host)
{
    static std::vector<std::unique_ptr<Jails>> all;  // hosts are used up to their end
    auto* fake = dynamic_cast<FakeHost*>(&host);
    if (std::getenv("BANGER_TEST_JAILS") == nullptr || fake == nullptr || fake->jails() != nullptr)
        return;
    all.push_back(privd::jails(rpc::helper::socket, {host.instance(), host.vms_directory()}));
    fake->set_jails(all.back().get());
}

std::unique_ptr<Vmm> open(Host& host)
{
    use_jails(host);
    auto vmm = firecracker::make_vmm(host, "{}");
    return vmm ? std::move(*vmm) : nullptr;
}

std::unique_ptr<VmmSnapshot> open_snapshot(Host& host)
{
    auto snapshot = firecracker::make_snapshot(host, "{}");
    return snapshot ? std::move(*snapshot) : nullptr;
}

// Looked at once: a trial takes a second of a test host that is emulated itself.
const Probe& probe_here()
{
    static const Probe probe = [] {
        FakeHost host;
        FakeCall call;
        return open(host)->probe(call).value_or({});
    }();
    return probe;
}

std::vector<VmmUnderTest> providers()
{
    if (!probe_here().usable)
        return {};
    return {VmmUnderTest{"firecracker", open, on_firecracker::counting_guest}};
}

// Not every version saves and restores machines.
const Probe& saving_here()
{
    static const Probe probe = [] {
        FakeHost host;
        FakeCall call;
        return open_snapshot(host)->probe(call).value_or({});
    }();
    return probe;
}

std::vector<VmmSnapshotUnderTest> savers()
{
    namespace machines = on_firecracker;
    if (!probe_here().usable || !saving_here().usable)
        return {};
    return {VmmSnapshotUnderTest{"firecracker", open, open_snapshot, machines::counting_guest, machines::counted,
                                 machines::new_top, machines::writes, machines::reads, machines::holds}};
}

INSTANTIATE_TEST_SUITE_P(Firecracker, VmmContract, ::testing::ValuesIn(providers()));
INSTANTIATE_TEST_SUITE_P(Firecracker, VmmProcessContract, ::testing::ValuesIn(providers()));
INSTANTIATE_TEST_SUITE_P(Firecracker, VmmSnapshotContract, ::testing::ValuesIn(savers()));
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VmmContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VmmSnapshotContract);

TEST(FirecrackerContract, RunsWhereFirecrackerDoes)
{
    if (!probe_here().usable)
        GTEST_SKIP() << "firecracker: " << probe_here().reason;
}

TEST(FirecrackerContract, SavesWhereFirecrackerDoes)
{
    if (!probe_here().usable || !saving_here().usable)
        GTEST_SKIP() << "vmm.snapshot of firecracker: " << (probe_here().usable ? saving_here() : probe_here()).reason;
}

}  // namespace
}  // namespace banger::sdk::testing
