// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "disk_swap.hpp"

#include "disk_links.hpp"

namespace banger::firecracker {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

Result<void> reopen(Conversation& machine, const std::string& role)
{
    return machine.tell(reopen_drive(role, link_name(role)));
}

// Those that are left to do.
Result<std::vector<DiskMove>> moves_to(const std::vector<sdk::Disk>& disks, const std::string& vm_directory, pid_t pid)
{
    std::vector<DiskMove> moves;
    for (const auto& disk : disks) {
        DiskMove move(vm_directory, disk);
        if (auto settled = move.settle(pid); !settled)
            return std::move(settled).error();
        auto done = move.is_done(pid);
        if (!done)
            return std::move(done).error();
        if (!*done)
            moves.push_back(std::move(move));
    }
    return moves;
}

// The first `count` are back where they were.
Result<void> undo(Conversation& machine, const std::vector<DiskMove>& moves, std::size_t count)
{
    Result<void> undone;
    while (count-- > 0) {
        auto back = moves[count].undo();
        if (back)
            back = reopen(machine, moves[count].role());
        if (!back)
            undone = std::move(back);
    }
    return undone;
}

Result<void> move_all(Conversation& machine, const std::vector<DiskMove>& moves)
{
    for (std::size_t i = 0; i < moves.size(); ++i) {
        auto moved = moves[i].begin();
        if (moved)
            moved = reopen(machine, moves[i].role());
        if (moved)
            continue;
        auto error = std::move(moved).error().while_doing("move disk '" + moves[i].role() + "'");
        if (auto undone = undo(machine, moves, i + 1); !undone)
            error.message += "; and it could not be undone: " + undone.error().message;
        return error;
    }
    for (const auto& move : moves)
        if (auto done = move.done(); !done)
            return done;
    return {};
}

}  // namespace

Result<void> swap_disks(Conversation& machine, const std::string& vm_directory, const std::vector<sdk::Disk>& disks)
{
    for (const auto& disk : disks)
        if (disk.format != "raw")
            return make_error(Code::unsupported,
                              "Firecracker opens raw disks only, and disk '" + disk.role + "' is " + disk.format);
    auto moves = moves_to(disks, vm_directory, machine.pid());
    if (!moves)
        return std::move(moves).error();
    auto state = machine.state();
    if (!state)
        return std::move(state).error();
    if (*state == MachineState::running)
        if (auto paused = machine.pause(); !paused)
            return paused;
    auto moved = move_all(machine, *moves);
    if (*state == MachineState::running)
        if (auto resumed = machine.resume(); !resumed && moved)
            return resumed;
    return moved;
}

}  // namespace banger::firecracker
