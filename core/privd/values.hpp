// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "banger/sdk/jail.hpp"
#include "banger/sdk/network.hpp"
#include "banger/sdk/network_names.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "core/model/json.hpp"
#include "core/units/scopes.hpp"

/// What crosses the interfaces that the helper serves, as JSON. `decode` is strict: `invalid`, naming what is missing, for
/// anything that `encode` would not write.
namespace banger::privd {

json::Object encode(const sdk::Owner& owner);
json::Object encode(const sdk::Handle& handle);
json::Object encode(const sdk::Layer& layer);
json::Object encode(const sdk::DiskSpec& spec);
json::Object encode(const sdk::Disk& disk);
json::Object encode(const sdk::FreezeSpec& spec);
json::Object encode(const sdk::Freeze& freeze);
json::Object encode(const sdk::LinkSpec& spec);
json::Object encode(const sdk::Link& link);
json::Object encode(const sdk::NameServer& server);
json::Object encode(const std::vector<sdk::NameServer>& servers);
json::Object encode(const sdk::Inspection& inspection);
json::Object encode(const sdk::Probe& probe);
json::Object encode(const sdk::JailSpec& spec);
json::Object encode(const sdk::os::ProcessId& process);
json::Object encode(const units::ScopeSpec& spec);
json::Object encode(const std::vector<sdk::Handle>& handles);

template <typename T>
json::Object encode(const sdk::Attached<T>& attached)
{
    json::Object object;
    object.set("value", encode(attached.value)).set("handle", encode(attached.handle));
    return object;
}

template <typename T>
sdk::Result<T> decode(const json::Value& value) = delete;
template <>
sdk::Result<sdk::Owner> decode(const json::Value& value);
template <>
sdk::Result<sdk::Handle> decode(const json::Value& value);
template <>
sdk::Result<sdk::Layer> decode(const json::Value& value);
template <>
sdk::Result<sdk::DiskSpec> decode(const json::Value& value);
template <>
sdk::Result<sdk::Disk> decode(const json::Value& value);
template <>
sdk::Result<sdk::FreezeSpec> decode(const json::Value& value);
template <>
sdk::Result<sdk::Freeze> decode(const json::Value& value);
template <>
sdk::Result<sdk::LinkSpec> decode(const json::Value& value);
template <>
sdk::Result<sdk::Link> decode(const json::Value& value);
template <>
sdk::Result<sdk::NameServer> decode(const json::Value& value);
template <>
sdk::Result<std::vector<sdk::NameServer>> decode(const json::Value& value);
template <>
sdk::Result<sdk::Inspection> decode(const json::Value& value);
template <>
sdk::Result<sdk::Probe> decode(const json::Value& value);
template <>
sdk::Result<sdk::JailSpec> decode(const json::Value& value);
template <>
sdk::Result<sdk::os::ProcessId> decode(const json::Value& value);
template <>
sdk::Result<units::ScopeSpec> decode(const json::Value& value);
template <>
sdk::Result<std::vector<sdk::Handle>> decode(const json::Value& value);

/// A member that is one of these values.
template <typename T>
sdk::Result<T> decode_member(const json::Value& object, const char* key)
{
    const json::Value* member = json::find(object, key);
    if (member == nullptr)
        return sdk::make_error(sdk::Code::invalid, "a message has no '" + std::string(key) + "'");
    auto value = decode<T>(*member);
    if (!value)
        return std::move(value).error().while_doing("read '" + std::string(key) + "'");
    return value;
}

template <typename T>
sdk::Result<sdk::Attached<T>> decode_attached(const json::Value& object)
{
    auto value = decode_member<T>(object, "value");
    auto handle = decode_member<sdk::Handle>(object, "handle");
    if (!value || !handle)
        return value ? std::move(handle).error() : std::move(value).error();
    return sdk::Attached<T>{std::move(*value), std::move(*handle)};
}

}  // namespace banger::privd
