// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qcow2_overlay.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::file {
namespace {

using ::testing::HasSubstr;

class Qcow2OverlayTest : public ::testing::Test {
protected:
    void make_layer(off_t bytes)
    {
        ASSERT_TRUE(sdk::os::write_file_atomic(layer, "layer"));
        ASSERT_EQ(::truncate(layer.c_str(), bytes), 0);
    }
    sdk::Result<void> write(std::uint64_t bytes, const std::string& backing) const
    {
        auto fd = sdk::os::open_file(image, O_RDWR | O_CREAT | O_TRUNC);
        EXPECT_TRUE(fd);
        return write_qcow2_overlay(fd->get(), {bytes, backing});
    }
    [[nodiscard]] sdk::Result<void> grow(std::uint64_t bytes) const
    {
        auto fd = sdk::os::open_file(image, O_RDWR);
        EXPECT_TRUE(fd);
        return grow_qcow2_overlay(fd->get(), bytes);
    }
    static std::string qemu(std::vector<std::string> argv)
    {
        sdk::os::Command command;
        command.argv = std::move(argv);
        auto output = sdk::os::run(command);
        EXPECT_TRUE(output) << output.error().message;
        EXPECT_EQ(output->status, 0) << output->out << output->err;
        return output->out + output->err;
    }

    sdk::testing::TemporaryDirectory directory;
    std::string layer = directory.path() + "/layer, with: a comma";
    std::string image = directory.path() + "/image";
};

// The sizes around which the level-1 table grows: an entry is 512 MiB, a cluster of entries 4 TiB.
class Qcow2Sizes : public Qcow2OverlayTest, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(Qcow2Sizes, QemuFindsNothingWrong)
{
    if (!sdk::os::find_program("qemu-img"))
        GTEST_SKIP() << "needs qemu-img and qemu-io: install qemu-utils";
    make_layer(1 << 20);
    const std::uint64_t bytes = GetParam();
    ASSERT_TRUE(write(bytes, layer));
    EXPECT_THAT(qemu({"qemu-img", "check", "-f", "qcow2", image}), HasSubstr("No errors were found"));
    const auto shown = qemu({"qemu-img", "info", "-f", "qcow2", "--output=json", image});
    EXPECT_THAT(shown, HasSubstr("\"virtual-size\": " + std::to_string(bytes)));
    EXPECT_THAT(shown, HasSubstr("\"backing-filename\": \"" + layer + "\""));
    EXPECT_THAT(shown, HasSubstr("\"backing-filename-format\": \"raw\""));
    EXPECT_THAT(shown, HasSubstr("\"compat\": \"1.1\""));

    const std::string last = std::to_string(bytes - 512);
    qemu({"qemu-io", "-f", "qcow2", "-c", "write -P 7 0 32k", "-c", "write -P 8 " + last + " 512", image});
    EXPECT_THAT(
        qemu({"qemu-io", "-r", "-f", "qcow2", "-c", "read -P 7 0 32k", "-c", "read -P 8 " + last + " 512", image}),
        ::testing::Not(HasSubstr("failed")));
    EXPECT_THAT(qemu({"qemu-img", "check", "-f", "qcow2", image}), HasSubstr("No errors were found"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, Qcow2Sizes,
                         ::testing::Values(65536ULL, 1ULL << 29U, (1ULL << 29U) + 512, 8ULL << 30U, 4ULL << 40U,
                                           (4ULL << 40U) + 4096, 1ULL << 50U));

TEST_F(Qcow2OverlayTest, TakesLittleRoom)
{
    make_layer(1 << 20);
    ASSERT_TRUE(write(8ULL << 40U, layer));
    struct stat status {};
    ASSERT_EQ(::stat(image.c_str(), &status), 0);
    EXPECT_LE(status.st_blocks * 512, 131072);
}

TEST_F(Qcow2OverlayTest, ItsHeaderIsReadBackAlsoWhenQemuWroteIt)
{
    make_layer(1 << 20);
    const auto read = [this] { return read_qcow2_overlay(sdk::os::open_file(image, O_RDONLY)->get()); };
    ASSERT_TRUE(write(8 << 20, layer));
    const auto ours = read();
    ASSERT_TRUE(ours) << ours.error().message;
    EXPECT_EQ(ours->bytes, 8U << 20U);
    EXPECT_EQ(ours->backing_path, layer);
    EXPECT_EQ(ours->backing_format, "raw");
    if (!sdk::os::find_program("qemu-img"))
        GTEST_SKIP() << "needs qemu-img: install qemu-utils";
    const std::string below = directory.path() + "/below";
    qemu({"qemu-img", "create", "-q", "-f", "qcow2", below, "1M"});
    EXPECT_EQ(sdk::os::write_file_atomic(image, *sdk::os::read_file(below)) ? read().error().code : sdk::Code::internal,
              sdk::Code::corrupt)
        << "it stands on nothing";
    qemu({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", below, image, "4M"});
    const auto theirs = read();
    ASSERT_TRUE(theirs) << theirs.error().message;
    EXPECT_EQ(theirs->bytes, 4U << 20U);
    EXPECT_EQ(theirs->backing_path, below);
    EXPECT_EQ(theirs->backing_format, "qcow2");
}

TEST_F(Qcow2OverlayTest, SaysWhetherAnythingWasWrittenToIt)
{
    if (!sdk::os::find_program("qemu-io"))
        GTEST_SKIP() << "needs qemu-io: install qemu-utils";
    make_layer(1 << 20);
    ASSERT_TRUE(write(2ULL << 30U, layer));
    const auto has_data = [this] { return has_own_data(sdk::os::open_file(image, O_RDONLY)->get()); };
    EXPECT_FALSE(*has_data());
    qemu({"qemu-io", "-f", "qcow2", "-c", "read 0 64k", image});
    EXPECT_FALSE(*has_data());
    qemu({"qemu-io", "-f", "qcow2", "-c", "write -P 0 1536M 512", image});
    EXPECT_TRUE(*has_data());
    ASSERT_TRUE(sdk::os::write_file_atomic(image, "no image"));
    EXPECT_EQ(has_data().error().code, sdk::Code::corrupt);
}

TEST_F(Qcow2OverlayTest, GrowsToWhateverItsTableHoldsAndQemuFindsNothingWrong)
{
    if (!sdk::os::find_program("qemu-img"))
        GTEST_SKIP() << "needs qemu-img and qemu-io: install qemu-utils";
    make_layer(1 << 20);
    ASSERT_TRUE(write(1 << 20, layer));
    qemu({"qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", image});
    for (const std::uint64_t bytes : {(1ULL << 20U) + 4096, 1ULL << 29U, (1ULL << 29U) + 4096, 16ULL << 40U}) {
        ASSERT_TRUE(grow(bytes));
        const auto shown = qemu({"qemu-img", "info", "-f", "qcow2", "--output=json", image});
        EXPECT_THAT(shown, HasSubstr("\"virtual-size\": " + std::to_string(bytes)));
        EXPECT_THAT(shown, HasSubstr("\"backing-filename\": \"" + layer + "\""));
        const std::string last = std::to_string(bytes - 512);
        EXPECT_THAT(qemu({"qemu-io", "-f", "qcow2", "-c", "read -P 7 0 1M", "-c", "read -P 0 " + last + " 512", "-c",
                          "write -P 0 " + last + " 512", image}),
                    ::testing::Not(HasSubstr("failed")));
        EXPECT_THAT(qemu({"qemu-img", "check", "-f", "qcow2", image}), HasSubstr("No errors were found"));
    }
}

// Images of QEMU's own making have tables that are just long enough, within clusters that are not.
TEST_F(Qcow2OverlayTest, GrowsAnImageWhoseTableIsJustLongEnough)
{
    if (!sdk::os::find_program("qemu-img"))
        GTEST_SKIP() << "needs qemu-img and qemu-io: install qemu-utils";
    make_layer(1 << 20);
    qemu({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", layer, image, "1M"});
    ASSERT_TRUE(grow(4ULL << 40U));
    EXPECT_THAT(qemu({"qemu-img", "check", "-f", "qcow2", image}), HasSubstr("No errors were found"));
    EXPECT_THAT(qemu({"qemu-io", "-f", "qcow2", "-c", "read -P 0 3T 64k", "-c", "write -P 3 3T 64k", image}),
                ::testing::Not(HasSubstr("failed")));
    EXPECT_THAT(qemu({"qemu-img", "check", "-f", "qcow2", image}), HasSubstr("No errors were found"));
    EXPECT_EQ(grow((4ULL << 40U) + 4096).error().code, sdk::Code::unsupported);
}

TEST_F(Qcow2OverlayTest, IsNeverMadeShorterAndNothingElseIsGrown)
{
    make_layer(1 << 20);
    ASSERT_TRUE(write(8 << 20, layer));
    const auto before = sdk::os::read_file(image);
    EXPECT_EQ(grow(4 << 20).error().code, sdk::Code::invalid);
    EXPECT_EQ(grow((8 << 20) + 100).error().code, sdk::Code::invalid);
    EXPECT_EQ(grow(17ULL << 40U).error().code, sdk::Code::unsupported);
    EXPECT_EQ(*sdk::os::read_file(image), *before);
    EXPECT_TRUE(grow(8 << 20)) << "as long as it is";
    ASSERT_TRUE(sdk::os::write_file_atomic(image, std::string(4096, 'x')));
    EXPECT_EQ(grow(8 << 20).error().code, sdk::Code::corrupt);
}

TEST_F(Qcow2OverlayTest, RefusesWhatTheFormatCannotHold)
{
    for (const std::uint64_t bytes : {0ULL, 513ULL, 1ULL << 62U}) {
        const auto wrote = write(bytes, layer);
        ASSERT_FALSE(wrote) << bytes;
        EXPECT_EQ(wrote.error().code, sdk::Code::invalid);
    }
    for (const std::string& path : {std::string(), std::string("relative"), "/" + std::string(1023, 'x')}) {
        const auto wrote = write(4096, path);
        ASSERT_FALSE(wrote) << path;
        EXPECT_EQ(wrote.error().code, sdk::Code::invalid);
    }
}

}  // namespace
}  // namespace banger::file
