// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/places.hpp"

#include <utility>

namespace banger::forward {

Places::Place Places::take()
{
    if (taken_ >= most_)
        return {};
    Place of_above;
    if (above_ && !(of_above = above_->take()))
        return {};
    return hold(std::move(of_above));
}

Places::Place Places::hold(Place of_above)
{
    ++taken_;
    return {this, [self = shared_from_this(), of_above = std::move(of_above)](void*) { self->give_back(); }};
}

void Places::await(std::function<void(Place)> then)
{
    if (!above_ || taken_ >= most_)
        return waiting_.push_back(std::move(then));
    above_->await([weak = weak_from_this(), then = std::move(then)](Place of_above) {
        const auto self = weak.lock();
        if (!self)
            return;
        if (self->taken_ >= self->most_)
            self->waiting_.push_back(then);
        else
            then(self->hold(std::move(of_above)));
    });
}

void Places::give_back()
{
    --taken_;
    if (waiting_.empty())
        return;
    const auto first = std::move(waiting_.front());
    waiting_.pop_front();
    if (auto place = take())
        first(std::move(place));
    else
        await(first);
}

std::shared_ptr<Places> GuestPlaces::of(const std::string& vm)
{
    auto guests = guests_.lock();
    std::erase_if(*guests, [](const auto& entry) { return entry.second.expired(); });
    auto& known = (*guests)[vm];
    auto places = known.lock();
    if (!places)
        known = places = std::make_shared<Places>(most_of_one_, all_);
    return places;
}

}  // namespace banger::forward
