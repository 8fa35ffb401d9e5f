// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// dm-swap STEPS (ID DIRECTORY BYTES)...
// So many steps of a freeze of the disks, each step for all of them, and then a violent end: the process that makes
// layers may be killed anywhere.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/lab/proofs/dm_stack.hpp"

int main(int argc, char** argv)
{
    using banger::proofs::DmStack;
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 4 || words.size() % 3 != 1) {
        std::fprintf(stderr, "usage: dm-swap STEPS (ID DIRECTORY BYTES)...\n");
        return 2;
    }
    std::vector<DmStack> stacks;
    for (std::size_t i = 1; i < words.size(); i += 3)
        stacks.emplace_back(words[i], words[i + 1], std::stoull(words[i + 2]));
    for (std::size_t step = 0; step < std::stoul(words[0]); ++step)
        for (auto& stack : stacks)
            if (auto done = (stack.*DmStack::steps().at(step))(); !done) {
                std::fprintf(stderr, "dm-swap: %s\n", done.error().message.c_str());
                return 1;
            }
    return std::raise(SIGKILL);
}
