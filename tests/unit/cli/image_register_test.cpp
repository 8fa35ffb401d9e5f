// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// An image with a kernel of its own: both are there, or neither is.
#include <gmock/gmock.h>

#include "tests/unit/cli/cli_process.hpp"

namespace banger::cli::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ImageRegisterTest : public CliTest {
protected:
    Ended take(const std::string& path, const std::string& name)
    {
        return banger({"image", "register", path, "--vmlinux", "/boot/vmlinuz", "--name", name});
    }
};

TEST_F(ImageRegisterTest, AKernelWhoseImageIsNotMadeGoes)
{
    const auto failed = take("/srv/missing", "local/mine:1");
    EXPECT_EQ(failed.status, 1);
    EXPECT_NE(failed.err.find("there is no /srv/missing"), std::string::npos) << failed.err;
    ASSERT_FALSE(calls().empty());
    EXPECT_EQ(calls().back(), R"(kernel.delete {"name":"local-mine-1"})");
    EXPECT_EQ(take("/srv/rootfs", "local/mine:1").status, 0);
    EXPECT_THAT(calls().back(), StartsWith("image.import"));
    EXPECT_THAT(calls().back(), HasSubstr(R"("any_directory":true)"));
}

TEST_F(ImageRegisterTest, AKernelThatWasThereBeforeStays)
{
    EXPECT_EQ(take("/srv/missing", "debian/cloud").status, 1);
    EXPECT_THAT(calls(), Contains(StartsWith("kernel.import")));
    EXPECT_THAT(calls(), Not(Contains(StartsWith("kernel.delete"))));
}

}  // namespace
}  // namespace banger::cli::testing
