// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "trust.hpp"

#include <algorithm>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"

namespace banger::blobs {
namespace {

std::string pem_files_in(const std::string& directory)
{
    auto names = sdk::os::list_directory(directory).value_or({});
    std::sort(names.begin(), names.end());
    std::string text;
    for (const auto& name : names)
        if (name.ends_with(".crt"))
            text += sdk::os::read_file(directory + "/" + name).value_or(std::string()) + "\n";
    return text;
}

}  // namespace

std::optional<std::string> authority_for(const std::string& registry)
{
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): never changed
    for (const std::string& base : {std::string(home == nullptr ? "" : home) + "/.config/containers/certs.d",
                                    std::string("/etc/containers/certs.d"), std::string("/etc/docker/certs.d")})
        if (const auto directory = base + "/" + registry; sdk::os::exists(directory))
            return pem_files_in(directory);
    return std::nullopt;
}

}  // namespace banger::blobs
