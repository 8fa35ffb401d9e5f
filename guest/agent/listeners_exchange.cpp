// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/listeners_exchange.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iterator>

#include "guest/agent/listening_sockets.hpp"

namespace banger::agent {
namespace {

constexpr std::chrono::milliseconds interval{100};
constexpr int most_share = 20;                   // one in so many of a processor's time
constexpr std::size_t listeners_in_frame = 300;  // at most 200 bytes each, so that they fit (max_frame_payload)

/// What this thread has had of a processor: a guest may wait long for one (clock_gettime(2)).
std::chrono::nanoseconds processor_time()
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::vector<Listener> missing_in(const std::set<Listener>& these, const std::set<Listener>& others)
{
    std::vector<Listener> missing;
    std::set_difference(these.begin(), these.end(), others.begin(), others.end(), std::back_inserter(missing));
    return missing;
}

/// Takes at most `room` from the end.
std::vector<Listener> cut(std::vector<Listener>& from, std::size_t room)
{
    const auto count = static_cast<std::ptrdiff_t>(std::min(room, from.size()));
    std::vector<Listener> part(std::make_move_iterator(from.end() - count), std::make_move_iterator(from.end()));
    from.erase(from.end() - count, from.end());
    return part;
}

}  // namespace

void ListenersExchange::on_frame(FrameType type, std::string_view payload)
{
    if (begun_)
        return;
    if (type != FrameType::spec)
        return fail(sdk::make_error(sdk::Code::invalid, "the first frame must be the listeners spec"));
    auto spec = listeners_spec_from_json(payload);
    if (!spec)
        return fail(spec.error());
    spec_ = *spec;
    begun_ = true;
    look();
}

void ListenersExchange::on_end(bool)
{
    if (!begun_)
        fail(sdk::make_error(sdk::Code::invalid, "the listeners spec is missing"));
}

void ListenersExchange::look()
{
    // A client that does not keep up gets what is then, and not all that was meanwhile.
    if (has_unsent()) {
        again_ = loop_.after(interval, [this] { look(); });
        return;
    }
    const auto start = processor_time();
    auto sockets = listening_sockets();
    if (!sockets)
        return fail(sockets.error());
    if (spec_.processes)
        add_processes(*sockets);
    std::set<Listener> now;
    for (auto& socket : *sockets)
        now.insert(std::move(socket.listener));
    tell(now, !again_);
    if (!spec_.follow)
        return finish();
    const auto took = std::chrono::ceil<std::chrono::milliseconds>(processor_time() - start);
    again_ = loop_.after(std::max(interval, took * (most_share - 1)), [this] { look(); });
}

void ListenersExchange::tell(const std::set<Listener>& now, bool always)
{
    auto appeared = missing_in(now, known_);
    std::vector<Listener> gone;
    std::set<Listener> missed;
    for (auto& listener : missing_in(known_, now))
        if (missed_.contains(listener))
            gone.push_back(std::move(listener));
        else
            missed.insert(std::move(listener));
    known_ = now;
    known_.insert(missed.begin(), missed.end());
    missed_ = std::move(missed);
    if (appeared.empty() && gone.empty() && !always)
        return;
    do {
        ListenersChange change;
        change.gone = cut(gone, listeners_in_frame);
        change.appeared = cut(appeared, listeners_in_frame - change.gone.size());
        change.more = !gone.empty() || !appeared.empty();
        queue(FrameType::data, to_json(change));
    } while (!gone.empty() || !appeared.empty());
}

}  // namespace banger::agent
