// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/initramfs.hpp"

#include <sys/stat.h>

#include "banger/sdk/os/file.hpp"
#include "core/guest/initramfs.hpp"

namespace banger::lifecycle {
namespace {

// Size and time of change tell two builds of the agent apart without reading it.
sdk::Result<std::string> mark_of(const std::string& program)
{
    struct stat status {};
    if (::stat(program.c_str(), &status) != 0)
        return sdk::os_error("find the guest agent " + program)
            .with_hint("install banger again: its files are incomplete");
    return std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
           std::to_string(status.st_mtim.tv_nsec);
}

sdk::Result<std::string> build(const images::Kernel& kernel, const std::string& agent, const std::string& path)
{
    if (auto built = guest::build_initramfs(kernel.modules_directory, kernel.version, agent, path); !built)
        return std::move(built).error().while_doing("make the initramfs of kernel '" + kernel.name + "'");
    return path;
}

}  // namespace

sdk::Result<std::string> initramfs_for(Engine& engine, const images::Kernel& kernel, Operation& operation)
{
    const auto span = operation.span("initramfs");
    auto mark = mark_of(engine.agent_program);
    if (!mark)
        return std::move(mark).error();
    const std::string directory = engine.paths.cache + "/initramfs";
    const std::string path = directory + "/" + kernel.id + "-" + *mark + ".cpio";
    if (sdk::os::exists(path))
        return path;
    if (auto made = sdk::os::make_private_directory(directory); !made)
        return std::move(made).error();
    return engine.builds.run(path, operation, [kernel, agent = engine.agent_program, path](sdk::Call&) {
        return build(kernel, agent, path);
    });
}

}  // namespace banger::lifecycle
