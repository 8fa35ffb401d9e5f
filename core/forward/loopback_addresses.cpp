// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/loopback_addresses.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>

namespace banger::forward {
namespace {

/// FNV-1a, 32 bits (RFC draft-eastlake-fnv, 2): spreads VMs over the range.
std::uint32_t hash_of(std::string_view text)
{
    std::uint32_t hash = 2166136261U;
    for (const char byte : text)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 16777619U;
    return hash;
}

/// `busy` if somebody has it.
sdk::Result<sdk::os::UniqueFd> hold(const std::string& address)
{
    const std::string name = "banger-address-" + address;
    sockaddr_un place{};
    place.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), place.sun_path + 1);  // the first byte stays 0: an abstract name
    sdk::os::UniqueFd held(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (!held || ::bind(held.get(), reinterpret_cast<const sockaddr*>(&place), size) != 0)
        return sdk::os_error("claim the address " + address);
    return held;
}

}  // namespace

sdk::Result<std::string> LoopbackAddresses::claim(const std::string& vm)
{
    auto claims = claims_.lock();
    if (const auto known = claims->find(vm); known != claims->end())
        return known->second.address;
    const std::uint32_t count = range_.count();
    const std::uint32_t wanted = hash_of(instance_ + "-" + vm) % count;
    for (std::uint32_t step = 0; step < count; ++step) {
        const std::string address = range_.address((wanted + step) % count);
        auto held = hold(address);
        if (!held && held.error().code == sdk::Code::busy)
            continue;
        if (!held)
            return std::move(held).error();
        claims->emplace(vm, Claim{address, std::move(*held)});
        return address;
    }
    return sdk::make_error(sdk::Code::unavailable, "every address of " + range_.text() + " is taken",
                           "choose a larger range with `banger config set ports.addresses RANGE`");
}

void LoopbackAddresses::release(const std::string& vm)
{
    claims_.lock()->erase(vm);
}

std::optional<std::string> LoopbackAddresses::address_of(const std::string& vm) const
{
    const auto claims = claims_.lock();
    const auto known = claims->find(vm);
    return known == claims->end() ? std::nullopt : std::optional(known->second.address);
}

}  // namespace banger::forward
