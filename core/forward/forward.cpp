// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/forward.hpp"

#include <utility>

namespace banger::forward {

Forward::Forward(boost::asio::io_context& loop, const std::shared_ptr<guest::AgentClient>& agent,
                 std::shared_ptr<Places> places, Events events)
    : loop_(loop), places_(std::move(places)), agent_(agent), events_(std::move(events))
{
}

void Forward::follow_agent()
{
    const auto live = agent();
    if (!live)
        return end(sdk::make_error(sdk::Code::unavailable, "the session with the guest's agent was ended"));
    live->on_closed([weak = weak_from_this()](const sdk::Error& why) {
        if (const auto self = weak.lock())
            self->end(why);
    });
}

void Forward::close()
{
    if (std::exchange(closed_, true))
        return;
    events_ = {};
    stop();
    for (const auto& [number, stop_one] : std::exchange(joined_, {}))
        stop_one();
}

void Forward::end(const sdk::Error& why)
{
    const auto ended = std::move(events_.ended);
    close();
    if (ended)
        ended(why);
}

void Forward::report(const sdk::Error& why) const
{
    if (events_.failed)
        events_.failed(why);
}

void Forward::refuse(std::int64_t accepted, const Places::Place& place)
{
    const auto live = agent();
    if (!live || closed_)
        return;
    const auto number = ++last_;
    joined_[number] = live->refuse(accepted, [weak = weak_from_this(), number, place](const sdk::Result<void>&) {
        if (const auto self = weak.lock())
            self->joined_.erase(number);
    });
}

void Forward::join(const agent::ConnectSpec& spec, sdk::os::UniqueFd connection, const Places::Place& place)
{
    const auto live = agent();
    if (!live || closed_)
        return;
    const auto number = ++last_;
    joined_[number] = live->join(
        spec, std::move(connection), [weak = weak_from_this(), number, place](const sdk::Result<void>& done) {
            const auto self = weak.lock();
            if (!self)
                return;
            self->joined_.erase(number);
            const auto session = self->agent();
            // A caller who went away is no trouble, and the end of the session is told once.
            if (!done && done.error().code != sdk::Code::cancelled && session && session->alive())
                self->report(done.error());
        });
}

}  // namespace banger::forward
