// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "interpreter.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/testing/fake_host.hpp"

namespace banger::firecracker {
namespace {

TEST(Interpreter, IsWhatADynamicProgramHas)
{
    const auto dynamic = has_interpreter(BANGER_FAKE_FIRECRACKER);
    ASSERT_TRUE(dynamic) << dynamic.error().message;
    EXPECT_TRUE(*dynamic);
}

TEST(Interpreter, IsNotInWhatIsNoWholeProgram)
{
    const sdk::testing::TemporaryDirectory directory;
    const std::string path = directory.path() + "/program";
    Elf64_Ehdr header{};
    std::copy_n(ELFMAG, SELFMAG, header.e_ident);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_phnum = UINT16_MAX;
    header.e_phoff = UINT64_MAX;
    const std::string cut(reinterpret_cast<const char*>(&header), sizeof header);
    for (const std::string& text : {std::string("#!/bin/sh\n"), std::string(), cut, cut.substr(0, 20)}) {
        ASSERT_TRUE(sdk::os::write_file_atomic(path, text));
        const auto found = has_interpreter(path);
        ASSERT_TRUE(found) << found.error().message;
        EXPECT_FALSE(*found);
    }
    EXPECT_FALSE(has_interpreter(directory.path() + "/none"));
}

}  // namespace
}  // namespace banger::firecracker
