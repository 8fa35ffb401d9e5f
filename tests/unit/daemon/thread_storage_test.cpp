// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// What each of the daemon's many threads costs before it does anything: the C library fills all thread_local storage, when
// a thread starts, with what it begins with.
#include <gtest/gtest.h>
#include <link.h>

namespace banger::daemon {
namespace {

int note_thread_storage(dl_phdr_info* program, std::size_t /*size*/, void* noted)
{
    for (int i = 0; i < program->dlpi_phnum; ++i)
        if (program->dlpi_phdr[i].p_type == PT_TLS)
            *static_cast<std::size_t*>(noted) = program->dlpi_phdr[i].p_memsz;
    return 1;  // the first is this program, which has the daemon in it; the others are not ours
}

TEST(ThreadStorage, IsLessThanAPage)
{
    std::size_t bytes = 0;
    ::dl_iterate_phdr(note_thread_storage, &bytes);
    EXPECT_GT(bytes, 0U);
    EXPECT_LT(bytes, 4096U);
}

}  // namespace
}  // namespace banger::daemon
