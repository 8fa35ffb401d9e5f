// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/os/processor.hpp"

#include <sstream>
#include <string>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk::os {

bool processor_has_virtualisation()
{
    std::istringstream lines(read_file("/proc/cpuinfo").value_or({}));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("flags"))
            continue;
        std::istringstream words(line);
        for (std::string word; words >> word;)
            if (word == "vmx" || word == "svm")
                return true;
        return false;
    }
    return false;
}

}  // namespace banger::sdk::os
