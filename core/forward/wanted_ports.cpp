// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/wanted_ports.hpp"

#include <algorithm>
#include <utility>

namespace banger::forward {
namespace {

constexpr std::chrono::milliseconds first_pause{250};
constexpr std::chrono::milliseconds longest_pause{15000};

}  // namespace

WantedPorts::Later WantedPorts::next(State& state, Wanted& wanted)
{
    wanted.turn = ++state.last;
    wanted.pause = std::clamp(wanted.pause * 2, first_pause, longest_pause);
    wanted.due_later = true;
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

void WantedPorts::found(const std::string& vm, Turn turn, const std::function<void(const std::string&)>& publish)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || known->second.turn != turn)
        return;
    known->second.turn = ++state->last;
    known->second.due_later = false;
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

std::optional<WantedPorts::Turn> WantedPorts::sooner(const std::string& vm)
{
    const auto state = state_.lock();
    const auto known = state->wanted.find(vm);
    if (known == state->wanted.end() || !std::exchange(known->second.due_later, false))
        return std::nullopt;
    return known->second.turn = ++state->last;
}

void WantedPorts::heard(const std::string& vm)
{
    const auto state = state_.lock();
    if (const auto known = state->wanted.find(vm); known != state->wanted.end())
        known->second.pause = std::chrono::milliseconds(0);
}

}  // namespace banger::forward
