// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/temporary_directory.hpp"

#include <cstdlib>

#include "banger/sdk/os/file.hpp"

namespace banger::cli {

namespace {

std::string named_by_user(const char* otherwise)
{
    const char* place = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    return place != nullptr && *place == '/' ? place : otherwise;
}

}  // namespace

std::string large_temporary_place()
{
    return named_by_user("/var/tmp");
}

sdk::Result<TemporaryDirectory> TemporaryDirectory::make()
{
    return make_in(named_by_user("/tmp"));
}

sdk::Result<TemporaryDirectory> TemporaryDirectory::make_in(const std::string& parent)
{
    std::string path = parent + "/banger-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return sdk::os_error("make a temporary directory in " + parent)
            .with_hint("set TMPDIR to a directory that you can write to");
    TemporaryDirectory directory;
    directory.path_ = std::move(path);
    return directory;
}

TemporaryDirectory::~TemporaryDirectory()
{
    if (!path_.empty())
        (void)sdk::os::remove_tree(path_);
}

}  // namespace banger::cli
