// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/wanted_ports.hpp"

#include <algorithm>

namespace banger::forward {

WantedPorts::Later WantedPorts::next(State& state, Wanted& wanted) const
{
    wanted.turn = ++state.last;
    wanted.pause = std::clamp(wanted.pause * 2, pauses_.first, pauses_.longest);
    wanted.put_off = true;
    return {wanted.turn, wanted.pause};
}

WantedPorts::Turn WantedPorts::want(const std::string& vm, const std::string& address)
{
    const auto state = state_.lock();
    state->wanted[vm] = {address, ++state->last, std::chrono::milliseconds(0), false};
    return state->last;
}

void WantedPorts::forget(const std::string& vm)
{
    state_.lock()->wanted.erase(vm);
}

bool WantedPorts::counts(const std::string& vm, Turn turn) const
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    return known != state->wanted.end() && known->second.turn == turn;
}

bool WantedPorts::begin(const std::string& vm, Turn turn)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || known->second.turn != turn)
        return false;
    known->second.put_off = false;
    return true;
}

std::optional<WantedPorts::Turn> WantedPorts::hasten(const std::string& vm)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || !known->second.put_off)
        return std::nullopt;
    known->second = {std::move(known->second.address), ++state->last, std::chrono::milliseconds(0), false};
    return state->last;
}

void WantedPorts::found(const std::string& vm, Turn turn, const std::function<void(const std::string&)>& publish)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || known->second.turn != turn)
        return;
    known->second.turn = ++state->last;
    publish(known->second.address);
}

std::optional<WantedPorts::Later> WantedPorts::failed(const std::string& vm, Turn turn)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || known->second.turn != turn)
        return std::nullopt;
    return next(*state, known->second);
}

std::optional<WantedPorts::Later> WantedPorts::lost(const std::string& vm)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end())
        return std::nullopt;
    return next(*state, known->second);
}

void WantedPorts::heard(const std::string& vm)
{
    const auto state = state_.lock();
    if (const auto known = state->wanted.find(vm); known != state->wanted.end())
        known->second.pause = std::chrono::milliseconds(0);
}

}  // namespace banger::forward
