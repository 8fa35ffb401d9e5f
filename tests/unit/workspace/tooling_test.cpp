// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/portable_program.hpp"

#include <fstream>

#include "tests/unit/workspace/repositories.hpp"

namespace banger::workspace {
namespace {

class PortableProgram : public Repositories {};

TEST_F(PortableProgram, AsksForNoLibraryButThoseThatEveryLinuxHas)
{
    std::ofstream(place + "/script") << "#!/bin/sh\n";
    std::ofstream(place + "/text") << "hello";
    std::ofstream(place + "/short") << "\177ELF";
    EXPECT_TRUE(is_portable(place + "/script"));
    EXPECT_TRUE(is_portable(BANGER_AGENT_PROGRAM)) << "it is static";
    EXPECT_TRUE(is_portable("/bin/sh")) << "the C library";
    EXPECT_FALSE(is_portable("/usr/bin/git")) << "it needs more than that";
    EXPECT_FALSE(is_portable(place + "/text"));
    EXPECT_FALSE(is_portable(place + "/short"));
    EXPECT_FALSE(is_portable(place + "/none"));
}

}  // namespace
}  // namespace banger::workspace
