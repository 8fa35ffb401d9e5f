// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "conversation.hpp"

#include "banger/sdk/os/file.hpp"

namespace banger::firecracker {

using sdk::Result;

Result<Conversation> Conversation::with(const sdk::VmmProcess& process, const sdk::Handle& machine,
                                        const ApiLimits& limits)
{
    auto living = process.find(machine);
    if (!living)
        return std::move(living).error();
    if (!*living)
        return sdk::make_error(sdk::Code::not_found, "the machine of VM " + machine.owner.vm + " does not run");
    auto socket = sdk::os::try_connect_unix(machine.owner.directory + "/" + sdk::api_socket_name);
    if (!socket)
        return std::move(socket).error();
    auto api = Api::over(std::move(*socket));
    if (!api)
        return std::move(api).error();
    return Conversation(std::move(*api), (*living)->pid, limits);
}

Result<void> Conversation::tell(const Request& request)
{
    auto told = api_.ask(request, limits_);
    return told ? Result<void>() : std::move(told).error();
}

Result<MachineState> Conversation::state()
{
    auto answer = api_.ask(describe(), limits_);
    return answer ? state_from(*answer) : std::move(answer).error();
}

// One thread of Firecracker's serves its API and its disks, in rounds over what is ready. What processors asked for just
// before they stopped may be of the same round as the answer, and of the one after that at the latest: so the answer to
// a second question comes after it.
Result<void> Conversation::pause()
{
    auto paused = tell(firecracker::pause());
    for (int round = 0; paused && round < 2; ++round)
        paused = tell(describe());
    return paused;
}

}  // namespace banger::firecracker
