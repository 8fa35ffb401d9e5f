// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/base/event.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>

namespace banger::base {
namespace {

// Rounded up, so that waking means that the time has come.
int milliseconds_until(Deadline until)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Deadline::clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace

sdk::Result<Event> Event::make()
{
    sdk::os::UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd)
        return sdk::os_error("make an event");
    return Event(std::move(fd));
}

void Event::set() const
{
    const std::uint64_t one = 1;
    (void)!::write(fd_.get(), &one, sizeof one);  // can only fail when it is set already
}

Woken wait(const Event& event, const sdk::Call* call, std::optional<Deadline> until)
{
    for (;;) {
        std::array<pollfd, 2> watch{
            {{event.descriptor(), POLLIN, 0}, {call != nullptr ? call->cancel_descriptor() : -1, POLLIN, 0}}};
        const int count = ::poll(watch.data(), watch.size(), until ? milliseconds_until(*until) : -1);
        if (count < 0)
            continue;  // EINTR: poll(2) names no other failure that can happen here but a lack of kernel memory
        if (watch[0].revents != 0)
            return Woken::event;
        if (watch[1].revents != 0)
            return Woken::cancelled;
        if (until && Deadline::clock::now() >= *until)
            return Woken::timed_out;
    }
}

}  // namespace banger::base
