// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/listening_sockets.hpp"

#include <gtest/gtest.h>

namespace banger::agent {
namespace {

TEST(ListeningSockets, AreReadFromProc)
{
    const std::string text =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0\n"
        "   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n"
        "   2: 0100007F:0016 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 20 4 30 10 -1\n"
        "   3: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 "
        "00:00000000 00000000     0        0 4714 1 0 100 0 0 10 0\n"
        "   4: nonsense 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n"
        "   5: 0100007F:1F91 00000000:0000 0A\n";
    const auto sockets = listening_sockets_in(text);
    ASSERT_EQ(sockets.size(), 3U);
    EXPECT_EQ(sockets[0].listener, (Listener{"127.0.0.1", 8080, 0, ""}));
    EXPECT_EQ(sockets[0].inode, 4711U);
    EXPECT_EQ(sockets[1].listener, (Listener{"0.0.0.0", 22, 0, ""}));
    EXPECT_EQ(sockets[2].listener, (Listener{"::1", 80, 0, ""}));
}

}  // namespace
}  // namespace banger::agent
