// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/tooling.hpp"

#include <fstream>

#include "tests/unit/workspace/repositories.hpp"

namespace banger::workspace {
namespace {

class StandsAlone : public Repositories {};

TEST_F(StandsAlone, OnlyWhatAsksForNoLibrary)
{
    std::ofstream(place + "/script") << "#!/bin/sh\n";
    std::ofstream(place + "/text") << "hello";
    std::ofstream(place + "/short") << "\177ELF";
    EXPECT_TRUE(stands_alone(place + "/script"));
    EXPECT_TRUE(stands_alone(BANGER_AGENT_PROGRAM)) << "it is static";
    EXPECT_FALSE(stands_alone("/bin/sh"));
    EXPECT_FALSE(stands_alone(place + "/text"));
    EXPECT_FALSE(stands_alone(place + "/short"));
    EXPECT_FALSE(stands_alone(place + "/none"));
}

}  // namespace
}  // namespace banger::workspace
