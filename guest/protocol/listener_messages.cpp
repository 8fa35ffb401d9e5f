// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/protocol/listener_messages.hpp"

#include <limits>

#include "guest/protocol/address.hpp"
#include "guest/protocol/json.hpp"

namespace banger::agent {
namespace {

void add_listeners(JsonText& json, const char* key, const std::vector<Listener>& listeners)
{
    json.key(key).begin_array();
    for (const auto& listener : listeners) {
        json.begin_object().member("address", listener.address).member("port", static_cast<int>(listener.port));
        if (listener.pid != 0)
            json.member("pid", listener.pid).member("process", listener.process);
        json.end_object();
    }
    json.end_array();
}

sdk::Result<std::vector<Listener>> listeners_in(Fields& fields, const char* key)
{
    std::vector<Listener> listeners;
    const auto* array = fields.array(key);
    if (array == nullptr)
        return listeners;
    for (const auto& item : array->GetArray()) {
        if (!item.IsObject())
            return sdk::make_error(sdk::Code::invalid, "a listener is no object");
        Fields each(item, "a listener");
        const auto port = each.number("port");
        Listener listener{each.text("address"), static_cast<std::uint16_t>(port), each.number("pid"),
                          each.text("process")};
        if (port <= 0 || port > std::numeric_limits<std::uint16_t>::max())
            each.refuse("port", "must be from 1 to 65535");
        if (!is_address(listener.address))
            each.refuse("address", "is no address");
        if (auto verdict = each.verdict(); !verdict)
            return std::move(verdict.error());
        listeners.push_back(std::move(listener));
    }
    return listeners;
}

}  // namespace

std::string to_json(const ListenersSpec& spec)
{
    return JsonText()
        .begin_object()
        .member("follow", spec.follow)
        .member("processes", spec.processes)
        .end_object()
        .str();
}

std::string to_json(const ListenersChange& change)
{
    JsonText json;
    json.begin_object();
    add_listeners(json, "appeared", change.appeared);
    add_listeners(json, "gone", change.gone);
    return json.member("more", change.more).end_object().str();
}

sdk::Result<ListenersSpec> listeners_spec_from_json(std::string_view text)
{
    auto document = parse_object(text, "the listeners spec");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the listeners spec");
    const ListenersSpec spec{fields.flag("follow"), fields.flag("processes")};
    if (spec.follow && spec.processes)
        fields.refuse("processes", "goes with no 'follow'");
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return spec;
}

sdk::Result<ListenersChange> listeners_change_from_json(std::string_view text)
{
    auto document = parse_object(text, "the guest's listeners");
    if (!document)
        return std::move(document.error());
    Fields fields(*document, "the guest's listeners");
    ListenersChange change;
    change.more = fields.flag("more");
    for (const auto& [key, into] : {std::pair{"appeared", &change.appeared}, {"gone", &change.gone}}) {
        auto listeners = listeners_in(fields, key);
        if (!listeners)
            return std::move(listeners.error());
        *into = std::move(*listeners);
    }
    if (auto verdict = fields.verdict(); !verdict)
        return std::move(verdict.error());
    return change;
}

}  // namespace banger::agent
