// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "conversation.hpp"

#include "installation.hpp"
#include "served_socket.hpp"

namespace banger::firecracker {

using sdk::Result;

Result<Conversation> Conversation::with(const sdk::VmmProcess& process, const sdk::Handle& machine,
                                        const ApiLimits& limits)
{
    auto served = connect_to(process, machine, sdk::api_socket_name);
    if (!served)
        return std::move(served).error();
    auto api = Api::over(std::move(served->socket));
    if (!api)
        return std::move(api).error();
    return Conversation(std::move(*api), served->pid, limits);
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

Result<void> Conversation::resume()
{
    const auto answer = api_.ask(describe(), limits_);
    if (!answer)
        return answer.error();
    const auto state = state_from(*answer);
    if (!state)
        return state.error();
    if (*state == MachineState::running)
        return {};
    const auto version = Version::from(vmm_version_from(*answer).value_or(""));
    if (version && is_deaf_once_resumed(*version))
        if (auto reset = tell(reset_channel()); !reset && reset.error().code != sdk::Code::invalid)
            return reset;
    return tell(firecracker::resume());
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
