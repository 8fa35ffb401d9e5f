// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "banger/sdk/os/fd.hpp"

namespace banger::cli::testing {

/// The far end of a command in a guest. Its first argument says what it does:
///   params          prints the call's parameters
///   cat             what came, until the end of it
///   count           how many bytes came
///   exit N, kill N  ends so
///   both            a line on each output
///   signals N       "ready", then the name of each of N signals
///   sizes           the size, then each new one, until a byte comes
///   flood           writes until nobody reads
///   vanish          ends the stream without a word
///   fail            an error of the agent
/// Without arguments a shell: repeats each piece of input, and ends with status 3 at the end of it. The tools of the vm
/// "here" are the real ones (run_local_tool).
void run_fake_guest(sdk::os::UniqueFd stream, const std::string& params);

/// The far end of a session. Shows output with a gap; "lasting" then sends back what comes, all others have ended.
/// Of what is sent to it it prints nothing; "gone" is gone before it has taken that.
void run_fake_session(sdk::os::UniqueFd stream, const std::string& params);

/// The far end of a connection to a port: sends back what comes, until the end of it.
void run_fake_port(sdk::os::UniqueFd stream);

}  // namespace banger::cli::testing
