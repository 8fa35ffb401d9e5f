// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "log_keeper.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "banger/sdk/own_program.hpp"

namespace banger::firecracker {
namespace {

constexpr const char* program_name = "banger-vmm-logs";
constexpr int first_descriptor = 3;

struct Ends {
    sdk::os::UniqueFd read;
    sdk::os::UniqueFd write;
};

sdk::Result<Ends> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    return Ends{sdk::os::UniqueFd(ends[0]), sdk::os::UniqueFd(ends[1])};
}

// In place of one that is left of an earlier machine. Its ends are as those of a pipe.
sdk::Result<Ends> make_fifo(const std::string& path)
{
    if (auto removed = sdk::os::remove_file(path); !removed)
        return std::move(removed).error();
    if (::mkfifo(path.c_str(), 0600) != 0)
        return sdk::os_error("make " + path);
    auto read = sdk::os::open_file(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    auto write = sdk::os::open_file(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!read || !write)
        return read ? std::move(write).error() : std::move(read).error();
    return Ends{std::move(*read), std::move(*write)};
}

}  // namespace

sdk::Result<LogKeeper> keep_logs(const std::string& directory, const std::vector<KeptLog>& logs)
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
        auto ends = log.fifo.empty() ? make_pipe() : make_fifo(log.fifo);
        if (!ends)
            return std::move(ends).error();
        command.descriptors.emplace_back(ends->read.get(), first_descriptor + static_cast<int>(command.descriptors.size()));
        read_ends.push_back(std::move(ends->read));
        write_ends.push_back(std::move(ends->write));
        command.argv.insert(command.argv.end(), {log.name, std::to_string(log.most)});
    }
    auto started = sdk::os::spawn_detached(command);
    if (!started)
        return std::move(started).error().while_doing("keep the logs of a VMM");
    return LogKeeper{std::move(write_ends), *started};
}

}  // namespace banger::firecracker
