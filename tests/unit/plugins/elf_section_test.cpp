// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/elf_section.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <cstring>
#include <fstream>

#include "banger/sdk/os/file.hpp"
#include "test_plugins.hpp"

namespace banger::plugins {
namespace {

TEST(ElfSection, IsReadFromARealPlugin)
{
    const auto mark = read_elf_section(test_plugin("good") + "/good.so", "bangerv0");
    ASSERT_TRUE(mark) << mark.error().message;
    EXPECT_EQ(mark->rfind("good\n0.1\nlibstdc++", 0), 0U) << *mark;
    EXPECT_EQ(read_elf_section(test_plugin("good") + "/good.so", "bangerv9").error().code, sdk::Code::not_found);
    EXPECT_EQ(read_elf_section("/nowhere.so", "bangerv0").error().code, sdk::Code::not_found);
}

class DamagedElf : public testing::Test {
protected:
    void SetUp() override { content_ = *sdk::os::read_file(test_plugin("good") + "/good.so"); }

    ElfW(Ehdr) header() const
    {
        ElfW(Ehdr) header;
        std::memcpy(&header, content_.data(), sizeof header);
        return header;
    }
    void set(const ElfW(Ehdr) & header) { std::memcpy(content_.data(), &header, sizeof header); }

    ElfW(Shdr) section(std::size_t index) const
    {
        ElfW(Shdr) section;
        std::memcpy(&section, content_.data() + header().e_shoff + index * sizeof section, sizeof section);
        return section;
    }
    void set(std::size_t index, const ElfW(Shdr) & section)
    {
        std::memcpy(content_.data() + header().e_shoff + index * sizeof section, &section, sizeof section);
    }

    sdk::Result<std::string> read()
    {
        const auto path = directory_.path() + "/x.so";
        std::ofstream(path, std::ios::binary | std::ios::trunc) << content_;
        return read_elf_section(path, "bangerv0");
    }

    sdk::testing::TemporaryDirectory directory_;
    std::string content_;
};

TEST_F(DamagedElf, EveryTruncationIsAnError)
{
    const auto whole = content_;
    for (std::size_t size = 0; size < whole.size(); size += 1 + size / 8) {
        content_ = whole.substr(0, size);
        EXPECT_FALSE(read()) << size;
    }
}

TEST_F(DamagedElf, AnEmptyTableOfNamesIsNoCrash)
{
    auto names = section(header().e_shstrndx);
    names.sh_size = 0;
    set(header().e_shstrndx, names);
    EXPECT_EQ(read().error().code, sdk::Code::not_found);
}

TEST_F(DamagedElf, TablesThatLeadOutsideAreErrors)
{
    const auto whole = content_;
    for (const std::uint64_t far : {std::uint64_t{1} << 62U, ~std::uint64_t{0}, std::uint64_t{whole.size()}}) {
        content_ = whole;
        auto changed = header();
        changed.e_shoff = far;
        set(changed);
        EXPECT_FALSE(read()) << far;

        content_ = whole;
        auto names = section(header().e_shstrndx);
        names.sh_offset = far;
        set(header().e_shstrndx, names);
        EXPECT_FALSE(read()) << far;

        content_ = whole;
        for (std::size_t i = 0; i < header().e_shnum; ++i) {
            auto any = section(i);
            any.sh_name = 0xffffffff;
            set(i, any);
        }
        EXPECT_FALSE(read());
    }
}

TEST_F(DamagedElf, OtherMachinesAndOtherFilesAreErrors)
{
    auto changed = header();
    changed.e_ident[EI_CLASS] = ELFCLASS32;
    set(changed);
    EXPECT_EQ(read().error().code, sdk::Code::invalid);
    content_ = "#!/bin/sh\n";
    EXPECT_EQ(read().error().code, sdk::Code::invalid);
    content_ = "";
    EXPECT_EQ(read().error().code, sdk::Code::invalid);
}

TEST_F(DamagedElf, WithoutSectionsItHasNone)
{
    auto changed = header();
    changed.e_shnum = 0;
    set(changed);
    EXPECT_EQ(read().error().code, sdk::Code::not_found);
}

}  // namespace
}  // namespace banger::plugins
