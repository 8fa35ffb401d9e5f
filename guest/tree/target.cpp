// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/tree/target.hpp"

#include <sys/stat.h>

namespace banger::tree {
namespace {

bool is_directory(const std::string& path)
{
    struct stat status {};
    return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

sdk::Result<Target> target_of(const std::string& destination, const std::string& base)
{
    if (is_directory(destination))
        return Target{destination, base};
    const auto no_directory = [](const std::string& path) {
        return sdk::make_error(sdk::Code::not_found, "there is no directory '" + path + "' to copy to", "make it first");
    };
    if (destination.empty() || destination.back() == '/')
        return no_directory(destination);
    const auto slash = destination.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : slash == 0 ? "/" : destination.substr(0, slash);
    if (!is_directory(directory))
        return no_directory(directory);
    return Target{directory, slash == std::string::npos ? destination : destination.substr(slash + 1)};
}

}  // namespace banger::tree
