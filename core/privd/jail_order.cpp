// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/jail_order.hpp"

#include "core/privd/values.hpp"

namespace banger::privd {

json::Object encode(const JailOrder& order)
{
    json::Array groups;
    for (const gid_t group : order.groups)
        groups.add(json::Value(static_cast<std::uint64_t>(group)));
    json::Object object;
    object.set("user", static_cast<std::uint64_t>(order.user)).set("group", static_cast<std::uint64_t>(order.group));
    object.set("groups", groups).set("spec", encode(order.spec));
    return object;
}

sdk::Result<JailOrder> read_order(std::string_view text)
{
    auto object = json::parse_object(text, "the order for a jail");
    if (!object)
        return std::move(object).error();
    auto spec = decode_member<sdk::JailSpec>(*object, "spec");
    auto user = json::require_uint(*object, "user", "the order for a jail");
    auto group = json::require_uint(*object, "group", "the order for a jail");
    if (!spec || !user || !group)
        return spec ? std::move(user ? group : user).error() : std::move(spec).error();
    JailOrder order{static_cast<uid_t>(*user), static_cast<gid_t>(*group), {}, std::move(*spec)};
    const json::Value* groups = json::find(*object, "groups");
    if (groups == nullptr || !groups->IsArray())
        return sdk::make_error(sdk::Code::invalid, "the order for a jail has no list 'groups'");
    for (const auto& one : groups->GetArray()) {
        if (!one.IsUint())
            return sdk::make_error(sdk::Code::invalid, "the order for a jail has a group that is no number");
        order.groups.push_back(one.GetUint());
    }
    return order;
}

}  // namespace banger::privd
