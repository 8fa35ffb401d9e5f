// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The provisioners of plugins/file-sync, as they are and through the plugin host's guard.
#include "file_sync.hpp"

#include <unistd.h>

#include "banger/sdk/testing/provisioner_contract.hpp"
#include "core/plugins/guarded.hpp"
#include "core/plugins/kinds.hpp"
#include "git_identity.hpp"

namespace banger::sdk::testing {
namespace {

// A home with a file, and a directory with a link in it.
file_sync::Config with_files(const std::string& home)
{
    const std::string directory = home + "/dots";
    EXPECT_TRUE(os::make_directories(directory));
    EXPECT_TRUE(os::write_file_atomic(home + "/.netrc", "machine x"));
    EXPECT_TRUE(os::write_file_atomic(directory + "/a", "a"));
    (void)::symlink("a", (directory + "/b").c_str());  // the second time it is there
    file_sync::Config config;
    config.files = {{"~/.netrc", "/root/.netrc", {}}, {"~/dots", "/root/.config/dots", {}}};
    return config;
}

std::unique_ptr<Provisioner> open_file_sync(Host& host)
{
    const std::string home = static_cast<FakeHost&>(host).directory();
    return file_sync::make_file_sync(with_files(home), home);
}

std::unique_ptr<Provisioner> open_git_identity(Host& /*host*/)
{
    return file_sync::make_git_identity_from({}, "/nowhere", [](Call&) -> Result<Fields> {
        return Fields{{"name", "Ada"}, {"email", "ada@example.org"}};
    });
}

template <std::unique_ptr<Provisioner> (*open)(Host&)>
std::unique_ptr<Provisioner> guarded(Host& host)
{
    static const auto plugin = std::make_shared<plugins::Guard::Plugin>(
        "file-sync", plugins::Deadlines{}, std::make_shared<plugins::CallThreads>(), nullptr);
    const std::string kind(plugins::kind_of<Provisioner>);
    auto proxy = plugins::guarded(kind, std::shared_ptr<Provisioner>(open(host)), plugins::Guard(plugin, kind));
    EXPECT_TRUE(proxy) << proxy.error().message;
    return std::unique_ptr<Provisioner>(dynamic_cast<Provisioner*>(proxy->release()));
}

INSTANTIATE_TEST_SUITE_P(FileSync, ProvisionerContract,
                         ::testing::Values(ProvisionerUnderTest{"file-sync", open_file_sync},
                                           ProvisionerUnderTest{"git-identity", open_git_identity}));
INSTANTIATE_TEST_SUITE_P(FileSyncGuarded, ProvisionerContract,
                         ::testing::Values(ProvisionerUnderTest{"file-sync", guarded<open_file_sync>},
                                           ProvisionerUnderTest{"git-identity", guarded<open_git_identity>}));

}  // namespace
}  // namespace banger::sdk::testing
