// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "log_keeper.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/own_program.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::firecracker {
namespace {

constexpr const char* program_name = "banger-vmm-logs";
constexpr int first_descriptor = 3;

}  // namespace

sdk::Result<std::vector<sdk::os::UniqueFd>> keep_logs(const std::string& directory, const std::vector<KeptLog>& logs)
{
    auto program = sdk::find_own_program({program_name, "vmm-firecracker", "", BANGER_VMM_LOGS}, "",
                                          reinterpret_cast<const void*>(&keep_logs));
    if (!program)
        return std::move(program).error();
    sdk::os::Command command;
    command.argv = {*program};
    command.directory = directory;
    std::vector<sdk::os::UniqueFd> read_ends;
    std::vector<sdk::os::UniqueFd> write_ends;
    for (const auto& log : logs) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            return sdk::os_error("make a pipe");
        read_ends.emplace_back(ends[0]);
        write_ends.emplace_back(ends[1]);
        command.descriptors.emplace_back(ends[0], first_descriptor + static_cast<int>(command.descriptors.size()));
        command.argv.insert(command.argv.end(), {log.name, std::to_string(log.most)});
    }
    if (auto started = sdk::os::spawn_detached(command); !started)
        return std::move(started).error().while_doing("keep the logs of a VMM");
    return write_ends;
}

}  // namespace banger::firecracker
