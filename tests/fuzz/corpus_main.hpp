// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Included last by every fuzz target. Without a fuzzing engine the target is a plain test: it feeds each file of the
// corpus directories on its command line, whole, cut at every eighth, and with single bits changed.
#pragma once

#ifndef BANGER_FUZZING_ENGINE

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace banger::fuzz {

constexpr std::size_t cuts = 8;
constexpr std::size_t changed_bits = 16;

inline void feed(const std::string& bytes)
{
    (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

inline void feed_with_variants(const std::string& bytes)
{
    feed(bytes);
    for (std::size_t cut = 0; cut < cuts; ++cut)
        feed(bytes.substr(0, bytes.size() * cut / cuts));
    for (std::size_t change = 0; change < changed_bits && !bytes.empty(); ++change) {
        auto changed = bytes;
        // Spread over the file by a fixed stride without a pattern of its own: the same bits in every run.
        changed[change * 2654435761U % changed.size()] ^= static_cast<char>(1U << change % 8);
        feed(changed);
    }
}

}  // namespace banger::fuzz

int main(int argc, char** argv)
{
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i)
        for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        banger::fuzz::feed_with_variants({std::istreambuf_iterator<char>(in), {}});
    }
    std::cout << files.size() << " corpus files fed\n";
    return files.empty() ? 1 : 0;
}

#endif
