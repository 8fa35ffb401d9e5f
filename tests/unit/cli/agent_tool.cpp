// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A tool of the agent as a program: its name and its arguments.
#include <unistd.h>

#include "guest/agent/tools.hpp"

int main(int argc, char** argv)
{
    if (argc < 2)
        return 2;
    const auto tool = banger::agent::tool_named(argv[1], {argv + 2, argv + argc});
    banger::tree::DescriptorInput in(STDIN_FILENO);
    return tool ? tool->run(in) : 2;
}
