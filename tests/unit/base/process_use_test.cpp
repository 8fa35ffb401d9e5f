// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "banger/sdk/os/process.hpp"

namespace banger::sdk::os {
namespace {

TEST(ProcessUse, CountsTimeAndMemory)
{
    const auto before = use_of(::getpid());
    ASSERT_TRUE(before) << before.error().message;
    constexpr std::size_t bytes = 64U << 20U;
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    std::memset(memory, 1, bytes);
    timespec spent{};
    do
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    while (spent.tv_sec == 0 && spent.tv_nsec < 200'000'000);
    const auto after = use_of(::getpid());
    ASSERT_TRUE(after);
    EXPECT_GE(after->cpu, std::chrono::milliseconds(150));
    EXPECT_LE(after->cpu, std::chrono::seconds(60));
    EXPECT_GE(after->resident_bytes, before->resident_bytes + bytes - (8U << 20U));
    ::munmap(memory, bytes);
}

TEST(ProcessUse, OfNobodyIsNotFound)
{
    EXPECT_EQ(use_of(0).error().code, Code::not_found);
    EXPECT_EQ(use_of(1 << 30).error().code, Code::not_found);
}

}  // namespace
}  // namespace banger::sdk::os
