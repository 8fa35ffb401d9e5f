// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "served_socket.hpp"

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {

using sdk::Code;
using sdk::make_error;

sdk::Result<Served> connect_to(const sdk::VmmProcess& process, const sdk::Handle& machine, const char* socket_name)
{
    const std::string whose = "the machine of VM " + machine.owner.vm;
    auto living = process.find(machine);
    if (!living)
        return std::move(living).error();
    if (!*living)
        return make_error(Code::not_found, whose + " does not run");
    auto socket = sdk::os::try_connect_unix(machine.owner.directory + "/" + socket_name);
    if (!socket)
        return std::move(socket).error();
    // That of whoever called listen(2), as this PID namespace has it, also for one in a namespace below (unix(7)).
    const auto peer = sdk::os::peer_of(socket->get());
    if (!peer)
        return peer.error();
    if (peer->pid != (*living)->pid)
        return make_error(Code::permission, std::string(socket_name) + " of " + whose + " leads to process " +
                                                std::to_string(peer->pid) + ", which is not its Firecracker");
    return Served{std::move(*socket), peer->pid};
}

}  // namespace banger::firecracker
