// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/image_program.hpp"

#include <gmock/gmock.h>

namespace banger::cli {
namespace {

using ::testing::ElementsAre;

json::Object image(const std::string& init)
{
    json::Object facts;
    facts.set("init", init).set("execution", R"({"Entrypoint": ["/init"], "Cmd": ["serve", "-v"], "WorkingDir": "/srv", "User": "www"})");
    json::Object image;
    image.set("name", "web").set("facts", facts);
    return image;
}

TEST(ImageProgram, IsWhatTheImageSaysWhereBangersInitRuns)
{
    const auto program = image_program_of(image("none").value(), "banger");
    ASSERT_TRUE(program);
    EXPECT_THAT(program->argv(), ElementsAre("/init", "serve", "-v"));
    EXPECT_EQ(program->directory, "/srv");
    EXPECT_EQ(program->user, "www");
}

TEST(ImageProgram, GoesByWhatTheMachineBootedAndNotByTheImage)
{
    EXPECT_FALSE(image_program_of(image("none").value(), "s6")) << "an s6 that only the guest knows";
    EXPECT_FALSE(image_program_of(image("none").value(), "/sbin/init")) << "--init image";
    EXPECT_TRUE(image_program_of(image("systemd").value(), "banger")) << "--init banger";
}

TEST(ImageProgram, IsNoneOfOtherImages)
{
    json::Object other;
    other.set("name", "debian").set("facts", json::Object().set("init", "none"));
    EXPECT_FALSE(image_program_of(other.value(), "banger"));
}

}  // namespace
}  // namespace banger::cli
