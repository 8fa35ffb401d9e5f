// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/temporary_directory.hpp"

#include <cstdlib>

#include "banger/sdk/os/file.hpp"

namespace banger::workspace {

sdk::Result<TemporaryDirectory> TemporaryDirectory::make()
{
    const char* parent = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    std::string path = std::string(parent != nullptr && *parent == '/' ? parent : "/tmp") + "/banger-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return sdk::os_error("make a temporary directory in " + path.substr(0, path.rfind('/')))
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

}  // namespace banger::workspace
