// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/proxy.hpp"

#include <atomic>

#include "banger/sdk/os/file.hpp"
#include "core/privd/values.hpp"
#include "core/rpc/client.hpp"
#include "core/rpc/helper.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

using Handles = std::vector<sdk::Handle>;

sdk::Error absent(const std::string& socket, const sdk::Error& why)
{
    if (why.code == Code::not_found)
        return make_error(Code::unavailable, "it is for root alone, and the root helper is not installed",
                          "an administrator installs it with `sudo banger system install --owner USER`");
    if (why.code == Code::permission)
        return make_error(Code::unavailable, "the root helper serves another user",
                          "there is one for each host: `banger system status` says whose it is");
    return make_error(Code::unavailable, "the root helper does not answer on " + socket + ": " + why.message,
                      "`banger system status` and `systemctl status banger-privd.socket` say more");
}

sdk::Error gone()
{
    return make_error(Code::unavailable, "the root helper went away in the middle of the call",
                      "try again; `journalctl -u banger-privd` says why");
}

/// Whether a call that the helper did not survive may be made again: done twice it is the same as once.
enum class Repeat { no, once };

// One provider's way to the helper.
class Line {
public:
    Line(std::string socket, Installation installation, plugins::CapabilityName capability)
        : socket_(std::move(socket)), installation_(std::move(installation)), capability_(std::move(capability))
    {
    }

    [[nodiscard]] Result<json::Document> ask(const std::string& verb, const json::Object& arguments, sdk::Call* call,
                                             Repeat repeat) const
    {
        if (call != nullptr && call->cancelled())
            return make_error(Code::cancelled, "cancelled");
        json::Object params;
        params.set("protocol", rpc::helper::protocol_version).set("name", capability_.name);
        params.set("instance", installation_.instance).set("vms_directory", installation_.vms_directory);
        params.set_all(arguments.value());
        for (;;) {
            auto socket = sdk::os::connect_unix(socket_);
            if (!socket)
                return absent(socket_, socket.error());
            auto client = rpc::Client::over(std::move(*socket), gone());
            auto reply = client.call(capability_.kind + " " + verb, params, hooks_of(call));
            if (reply)
                return std::move(reply->result);
            if (!client.is_lost() || std::exchange(repeat, Repeat::no) == Repeat::no)
                return std::move(reply).error();
        }
    }

private:
    static rpc::CallHooks hooks_of(sdk::Call* call)
    {
        rpc::CallHooks hooks;
        if (call == nullptr)
            return hooks;
        hooks.interrupt = call->cancel_descriptor();
        hooks.interrupt_stays = true;
        hooks.on_interrupt = [call] { return call->cancelled(); };
        hooks.on_notification = [call](const std::string& method, const json::Value& told) {
            if (method == "warning")
                return call->warn(json::string_or(told, "message"));
            if (method == "progress")
                call->progress({json::string_or(told, "stage"), json::uint_or(told, "done"),
                                json::uint_or(told, "total"), json::string_or(told, "unit")});
        };
        return hooks;
    }

    std::string socket_;
    Installation installation_;
    plugins::CapabilityName capability_;
};

template <typename T>
Result<T> read(Result<json::Document> answer)
{
    if (!answer)
        return std::move(answer).error();
    return decode<T>(*answer);
}
template <>
Result<void> read(Result<json::Document> answer)
{
    return answer ? Result<void>() : std::move(answer).error();
}

template <typename T>
json::Object with(const char* key, const T& value)
{
    json::Object arguments;
    arguments.set(key, encode(value));
    return arguments;
}

template <typename Interface>
class ProxiedProvider : public Interface {
public:
    explicit ProxiedProvider(Line line) : line_(std::move(line)) {}

    Result<sdk::Probe> probe(sdk::Call& call) override
    {
        auto probe = read<sdk::Probe>(line_.ask("probe", {}, &call, Repeat::once));
        if (!probe && probe.error().code == Code::unavailable) {
            sdk::Probe none;
            none.reason = probe.error().message;
            none.hint = probe.error().hint;
            return none;
        }
        if (probe)
            probe->facts["served_by"] = "banger-privd";
        return probe;
    }

protected:
    [[nodiscard]] const Line& line() const { return line_; }

private:
    Line line_;
};

// What the interfaces of journalled resources have in common: plugins::Resources.
template <typename Interface, typename Spec, typename Value>
class Proxied : public ProxiedProvider<Interface> {
public:
    using ProxiedProvider<Interface>::ProxiedProvider;

    Result<Handles> plan(const Spec& spec) override
    {
        return read<Handles>(line().ask("plan", with("spec", spec), nullptr, Repeat::once));
    }
    Result<sdk::Attached<Value>> attach(const Spec& spec, sdk::Call& call) override
    {
        auto answer = line().ask("attach", with("spec", spec), &call, Repeat::no);
        if (!answer)
            return std::move(answer).error();
        return decode_attached<Value>(*answer);
    }
    Result<void> release(const sdk::Handle& handle) override
    {
        return read<void>(line().ask("release", with("handle", handle), nullptr, Repeat::once));
    }
    Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        return read<sdk::Inspection>(line().ask("inspect", with("handle", handle), nullptr, Repeat::once));
    }
    Result<Handles> list() override { return read<Handles>(line().ask("list", {}, nullptr, Repeat::once)); }

protected:
    using ProxiedProvider<Interface>::line;
};

class ProxiedNetwork final : public Proxied<sdk::Network, sdk::LinkSpec, sdk::Link> {
public:
    using Proxied::Proxied;

    Result<void> connect(const sdk::Handle& handle, sdk::Call& call) override
    {
        return read<void>(line().ask("connect", with("handle", handle), &call, Repeat::once));
    }
};

class ProxiedStorage final : public Proxied<sdk::Storage, sdk::DiskSpec, sdk::Disk> {
public:
    using Proxied::Proxied;

    Result<void> create(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        return read<void>(line().ask("create", with("spec", spec), &call, Repeat::no));
    }
    Result<void> destroy(const sdk::Owner& owner, const std::string& role) override
    {
        auto arguments = with("owner", owner);
        arguments.set("role", role);
        return read<void>(line().ask("destroy", arguments, nullptr, Repeat::once));
    }
};

class ProxiedFork final : public Proxied<sdk::StorageFork, sdk::FreezeSpec, sdk::Freeze> {
public:
    using Proxied::Proxied;

    Result<sdk::Layer> commit(const sdk::Handle& handle) override
    {
        return read<sdk::Layer>(line().ask("commit", with("handle", handle), nullptr, Repeat::once));
    }
    Result<void> destroy(const sdk::Layer& layer) override
    {
        return read<void>(line().ask("destroy", with("layer", layer), nullptr, Repeat::once));
    }
};

class ProxiedJails final : public sdk::Jails {
public:
    explicit ProxiedJails(Line line) : line_(std::move(line)) {}

    Result<void> probe(sdk::Call& call) override
    {
        return read<void>(line_.ask("probe", {}, &call, Repeat::once));
    }
    Result<sdk::os::ProcessId> start(const sdk::JailSpec& spec, sdk::Call& call) override
    {
        return read<sdk::os::ProcessId>(line_.ask("start", with("spec", spec), &call, Repeat::no));
    }

private:
    Line line_;
};

class ProxiedScopes final : public units::Scopes {
public:
    explicit ProxiedScopes(Line line) : line_(std::move(line)) {}

    Result<std::string> probe(sdk::Call& call) override
    {
        auto makes = read<void>(line_.ask("probe", {}, &call, Repeat::once));
        known_ = makes ? Known::makes : known_.load();
        if (makes)
            return std::string("the root helper");
        if (makes.error().code != Code::invalid)
            return std::move(makes).error();
        known_ = Known::does_not;
        return older();
    }
    Result<std::string> start(const units::ScopeSpec& spec, sdk::Call& call) override
    {
        if (known_ == Known::nothing)
            if (auto makes = probe(call); !makes)
                return makes;
        if (known_ == Known::does_not)
            return older();
        auto answer = line_.ask("start", with("spec", spec), &call, Repeat::no);
        if (!answer)
            return std::move(answer).error();
        return json::require_string(*answer, "name", "what the helper answers");
    }

private:
    enum class Known { nothing, makes, does_not };

    static sdk::Error older()
    {
        return make_error(Code::unsupported, "the root helper is of an earlier banger, which made no scopes",
                          "have it installed again: `sudo banger system install`");
    }

    Line line_;
    std::atomic<Known> known_ = Known::nothing;
};

class ProxiedNames final : public ProxiedProvider<sdk::NetworkNames> {
public:
    using ProxiedProvider::ProxiedProvider;

    Result<void> route(const sdk::NameServer& server, sdk::Call& call) override
    {
        return read<void>(line().ask("route", with("server", server), &call, Repeat::once));
    }
    Result<void> unroute() override { return read<void>(line().ask("unroute", {}, nullptr, Repeat::once)); }
    Result<std::vector<sdk::NameServer>> routed() override
    {
        return read<std::vector<sdk::NameServer>>(line().ask("routed", {}, nullptr, Repeat::once));
    }
};

}  // namespace

std::unique_ptr<sdk::Jails> jails(std::string socket, Installation installation)
{
    return std::make_unique<ProxiedJails>(Line(std::move(socket), std::move(installation), {"jail", ""}));
}

std::unique_ptr<units::Scopes> scopes(std::string socket, Installation installation)
{
    return std::make_unique<ProxiedScopes>(Line(std::move(socket), std::move(installation), {"scope", ""}));
}

plugins::StandIn stand_in(std::string socket, Installation installation)
{
    return [socket = std::move(socket), installation = std::move(installation)](
               const plugins::CapabilityName& wanted) -> Result<std::unique_ptr<sdk::Provider>> {
        Line line(socket, installation, wanted);
        if (wanted.kind == plugins::kind_of<sdk::Storage>)
            return std::unique_ptr<sdk::Provider>(std::make_unique<ProxiedStorage>(std::move(line)));
        if (wanted.kind == plugins::kind_of<sdk::StorageFork>)
            return std::unique_ptr<sdk::Provider>(std::make_unique<ProxiedFork>(std::move(line)));
        if (wanted.kind == plugins::kind_of<sdk::Network>)
            return std::unique_ptr<sdk::Provider>(std::make_unique<ProxiedNetwork>(std::move(line)));
        if (wanted.kind == plugins::kind_of<sdk::NetworkNames>)
            return std::unique_ptr<sdk::Provider>(std::make_unique<ProxiedNames>(std::move(line)));
        return make_error(Code::unsupported, "a provider of kind " + wanted.kind + " that needs root is served by nobody",
                          "run the daemon as root");
    };
}

}  // namespace banger::privd
