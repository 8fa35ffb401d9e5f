// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The contracts of disks on device-mapper and of taps, through the root helper of this host, as the user whom it serves.
#include "banger/sdk/testing/network_contract.hpp"
#include "banger/sdk/testing/network_names_contract.hpp"
#include "banger/sdk/testing/storage_contract.hpp"
#include "banger/sdk/testing/storage_fork_contract.hpp"
#include "banger/sdk/testing/storage_fork_kill_contract.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/proxy.hpp"
#include "core/rpc/helper.hpp"
#include "tests/contract/attached_guest.hpp"
#include "tests/e2e/fault_plan.hpp"

namespace banger::sdk::testing {
namespace {

template <typename Interface>
std::unique_ptr<Interface> open(Host& host, const char* name)
{
    auto made = privd::stand_in(rpc::helper::socket, {host.instance(), host.vms_directory()})(
        {std::string(plugins::kind_of<Interface>), name});
    return std::unique_ptr<Interface>(made ? dynamic_cast<Interface*>(made->release()) : nullptr);
}

std::unique_ptr<Storage> open_storage(Host& host)
{
    return open<Storage>(host, "dm");
}
std::unique_ptr<StorageFork> open_fork(Host& host)
{
    return open<StorageFork>(host, "dm");
}
std::unique_ptr<Network> open_network(Host& host)
{
    return open<Network>(host, "tap");
}
std::unique_ptr<NetworkNames> open_names(Host& host)
{
    return open<NetworkNames>(host, "tap");
}
std::shared_ptr<AttachedGuest> attach_a_guest(Host& host)
{
    return std::make_shared<AttachedGuest>(open_network(host), host);
}

// Why there is no helper for us here; the lab has one: tests/lab/sets/privd.
std::string why_not()
{
    if (auto socket = os::connect_unix(rpc::helper::socket); !socket)
        return socket.error().message;
    return ::geteuid() == 0 ? "root needs no helper" : "";
}

template <typename T>
std::vector<T> if_served(T one)
{
    return why_not().empty() ? std::vector<T>{std::move(one)} : std::vector<T>{};
}

constexpr auto name_of = [](const auto& each) { return each.param.name; };

INSTANTIATE_TEST_SUITE_P(Privd, StorageContract,
                         ::testing::ValuesIn(if_served(StorageUnderTest{"dm", open_storage, "disk:raw", true})), name_of);
INSTANTIATE_TEST_SUITE_P(Privd, StorageForkContract,
                         ::testing::ValuesIn(if_served(StorageForkUnderTest{"dm", open_storage, open_fork, "disk:raw"})),
                         name_of);

// Nobody may trace the helper. Its own steps are before and after each call of the provider; those between are the provider's
// own, wherever it runs (dm_contract_test).
Result<Walked> kill_helper_before(unsigned n, const std::function<void()>& body)
{
    const auto plan = e2e::FaultPlan::of_helper();
    plan.arm("kill:" + std::to_string(n) + "@storage.fork");
    body();
    return plan.withdraw() ? Walked::killed : Walked::finished;
}

// Where the helper can be armed: tests/lab/sets/privd-faults.
std::vector<StorageForkUnderTest> forks_to_be_killed()
{
    if (!e2e::FaultPlan::has_helper())
        return {};
    return if_served(StorageForkUnderTest{"dm", open_storage, open_fork, "disk:raw", kill_helper_before});
}
INSTANTIATE_TEST_SUITE_P(Privd, StorageForkKillContract, ::testing::ValuesIn(forks_to_be_killed()), name_of);
INSTANTIATE_TEST_SUITE_P(Privd, NetworkContract,
                         ::testing::ValuesIn(if_served(NetworkUnderTest{"tap", open_network, "link:tap"})), name_of);
INSTANTIATE_TEST_SUITE_P(Privd, NetworkNamesContract,
                         ::testing::ValuesIn(if_served(NetworkNamesUnderTest{"tap", open_names, attach_a_guest})), name_of);

// Elsewhere they have no values, which is said by the test below and not taken for a mistake.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageForkContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StorageForkKillContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NetworkContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(NetworkNamesContract);

TEST(PrivdContract, RunsWhereAHelperServesUs)
{
    if (const auto reason = why_not(); !reason.empty())
        GTEST_SKIP() << reason;
}

}  // namespace
}  // namespace banger::sdk::testing
