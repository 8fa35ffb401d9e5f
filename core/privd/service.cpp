// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/service.hpp"

#include <unistd.h>

#include "core/base/call_context.hpp"
#include "core/base/fault.hpp"
#include "core/log/log.hpp"
#include "core/plugins/kinds.hpp"
#include "core/privd/values.hpp"
#include "core/rpc/build.hpp"
#include "core/rpc/helper.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::size_t most_workers = 8;
constexpr std::size_t most_waiting = 256;  // for one, of connections that are there or went away

// One request, between its words and the provider.
class Request {
public:
    Request(const json::Value& params, const Remit& remit, Installation installation, std::string name,
            std::string in_kernel)
        : params_(params), remit_(remit), installation_(std::move(installation)), name_(std::move(name)),
          in_kernel_(std::move(in_kernel))
    {
    }

    template <typename Spec>
    Result<Spec> spec() const
    {
        auto spec = decode_member<Spec>(params_, "spec");
        if (!spec)
            return spec;
        if (auto allowed = remit_.check(installation_, *spec); !allowed)
            return std::move(allowed).error();
        owner_of(*spec).instance = in_kernel_;
        return spec;
    }

    Result<sdk::Handle> handle(std::string_view kind) const
    {
        auto given = decode_member<sdk::Handle>(params_, "handle");
        if (!given)
            return given;
        auto handle = remit_.handle(installation_, *given);
        if (!handle)
            return handle;
        handle->kind = kind;
        handle->provider = name_;
        handle->owner.instance = in_kernel_;
        return handle;
    }

    struct Role {
        sdk::Owner owner;
        std::string role;
    };
    Result<Role> role() const
    {
        auto owner = decode_member<sdk::Owner>(params_, "owner");
        auto role = json::require_string(params_, "role", "the request");
        if (!owner || !role)
            return owner ? std::move(role).error() : std::move(owner).error();
        if (auto named = Remit::check_role(*role); !named)
            return std::move(named).error();
        if (auto owned = remit_.check(installation_, *owner); !owned)
            return std::move(owned).error();
        owner->instance = in_kernel_;
        return Role{std::move(*owner), std::move(*role)};
    }

    Result<sdk::Layer> layer() const
    {
        auto layer = decode_member<sdk::Layer>(params_, "layer");
        if (!layer)
            return layer;
        if (auto own = remit_.check_own(*layer); !own)
            return std::move(own).error();
        return layer;
    }

    Result<sdk::NameServer> server() const
    {
        auto server = decode_member<sdk::NameServer>(params_, "server");
        if (!server)
            return server;
        if (auto allowed = Remit::check(*server); !allowed)
            return std::move(allowed).error();
        return server;
    }

    // Answers, under the name that the caller knows the installation by.
    template <typename T>
    Result<json::Object> answer(Result<T> result) const
    {
        if (!result)
            return std::move(result).error();
        rename(*result);
        return encode(*result);
    }
    Result<json::Object> answer(Result<void> result) const
    {
        return result ? Result<json::Object>(json::Object()) : Result<json::Object>(std::move(result).error());
    }

private:
    static sdk::Owner& owner_of(sdk::FreezeSpec& spec) { return spec.disk.owner; }
    template <typename Spec>
    static sdk::Owner& owner_of(Spec& spec)
    {
        return spec.owner;
    }

    template <typename T>
    void rename(T&) const
    {
    }
    void rename(std::vector<sdk::Handle>& handles) const
    {
        for (auto& handle : handles)
            handle.owner.instance = installation_.instance;
    }
    template <typename T>
    void rename(sdk::Attached<T>& attached) const
    {
        attached.handle.owner.instance = installation_.instance;
    }

    const json::Value& params_;
    const Remit& remit_;
    Installation installation_;
    std::string name_;
    std::string in_kernel_;
};

using Verb = Result<json::Object> (*)(sdk::Provider& provider, const Request& request, sdk::Call& call);

template <typename Interface>
Interface& as(sdk::Provider& provider)
{
    return dynamic_cast<Interface&>(provider);
}

Result<json::Object> probe(sdk::Provider& provider, const Request& request, sdk::Call& call)
{
    return request.answer(provider.probe(call));
}

template <typename Interface, typename Spec>
Result<json::Object> plan(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto spec = request.spec<Spec>();
    return spec ? request.answer(as<Interface>(provider).plan(*spec)) : std::move(spec).error();
}

template <typename Interface, typename Spec>
Result<json::Object> attach(sdk::Provider& provider, const Request& request, sdk::Call& call)
{
    auto spec = request.spec<Spec>();
    return spec ? request.answer(as<Interface>(provider).attach(*spec, call)) : std::move(spec).error();
}

template <typename Interface>
Result<json::Object> release(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto handle = request.handle(plugins::kind_of<Interface>);
    return handle ? request.answer(as<Interface>(provider).release(*handle)) : std::move(handle).error();
}

template <typename Interface>
Result<json::Object> inspect(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto handle = request.handle(plugins::kind_of<Interface>);
    return handle ? request.answer(as<Interface>(provider).inspect(*handle)) : std::move(handle).error();
}

template <typename Interface>
Result<json::Object> list(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    return request.answer(as<Interface>(provider).list());
}

Result<json::Object> connect(sdk::Provider& provider, const Request& request, sdk::Call& call)
{
    auto handle = request.handle(plugins::kind_of<sdk::Network>);
    return handle ? request.answer(as<sdk::Network>(provider).connect(*handle, call)) : std::move(handle).error();
}

Result<json::Object> create_disk(sdk::Provider& provider, const Request& request, sdk::Call& call)
{
    auto spec = request.spec<sdk::DiskSpec>();
    return spec ? request.answer(as<sdk::Storage>(provider).create(*spec, call)) : std::move(spec).error();
}

Result<json::Object> destroy_disk(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto disk = request.role();
    return disk ? request.answer(as<sdk::Storage>(provider).destroy(disk->owner, disk->role)) : std::move(disk).error();
}

Result<json::Object> commit(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto handle = request.handle(plugins::kind_of<sdk::StorageFork>);
    return handle ? request.answer(as<sdk::StorageFork>(provider).commit(*handle)) : std::move(handle).error();
}

Result<json::Object> destroy_layer(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    auto layer = request.layer();
    return layer ? request.answer(as<sdk::StorageFork>(provider).destroy(*layer)) : std::move(layer).error();
}

// What the helper does by itself, and no provider.
using OwnVerb = Result<json::Object> (*)(const Service::Settings& settings, const Request& request, sdk::Call& call);

Result<json::Object> probe_jails(const Service::Settings& settings, const Request& request, sdk::Call& call)
{
    return request.answer(settings.jails->probe(call));
}

Result<json::Object> start_jailed(const Service::Settings& settings, const Request& request, sdk::Call& call)
{
    auto spec = request.spec<sdk::JailSpec>();
    return spec ? request.answer(settings.jails->start(*spec, call)) : std::move(spec).error();
}

Result<json::Object> probe_scopes(const Service::Settings& settings, const Request& request, sdk::Call& call)
{
    auto maker = settings.scopes->probe(call);
    return request.answer(maker ? Result<void>() : std::move(maker).error());
}

Result<json::Object> start_scope(const Service::Settings& settings, const Request& request, sdk::Call& call)
{
    auto spec = request.spec<units::ScopeSpec>();
    if (!spec)
        return std::move(spec).error();
    if (auto fault = base::fault::reach("before scope start"); !fault)
        return std::move(fault).error();
    auto name = settings.scopes->start(*spec, call);
    if (auto fault = base::fault::reach("after scope start"); !fault)
        return std::move(fault).error();
    if (!name)
        return std::move(name).error();
    json::Object said;
    said.set("name", *name);
    return said;
}

OwnVerb own_verb(std::string_view method)
{
    static const std::map<std::string_view, OwnVerb> all{{rpc::helper::probe_jails_method, probe_jails},
                                                         {rpc::helper::start_jailed_method, start_jailed},
                                                         {rpc::helper::probe_scopes_method, probe_scopes},
                                                         {rpc::helper::start_scope_method, start_scope}};
    const auto found = all.find(method);
    return found == all.end() ? nullptr : found->second;
}

Result<json::Object> route(sdk::Provider& provider, const Request& request, sdk::Call& call)
{
    auto server = request.server();
    return server ? request.answer(as<sdk::NetworkNames>(provider).route(*server, call)) : std::move(server).error();
}

Result<json::Object> unroute(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    return request.answer(as<sdk::NetworkNames>(provider).unroute());
}

Result<json::Object> routed(sdk::Provider& provider, const Request& request, sdk::Call& /*call*/)
{
    return request.answer(as<sdk::NetworkNames>(provider).routed());
}

struct Method {
    std::string kind;
    Verb verb = nullptr;
};

template <typename Interface, typename Spec>
void add_resource(std::map<std::string, Method, std::less<>>& methods)
{
    const std::string kind(plugins::kind_of<Interface>);
    methods[kind + " probe"] = {kind, probe};
    methods[kind + " plan"] = {kind, plan<Interface, Spec>};
    methods[kind + " attach"] = {kind, attach<Interface, Spec>};
    methods[kind + " release"] = {kind, release<Interface>};
    methods[kind + " inspect"] = {kind, inspect<Interface>};
    methods[kind + " list"] = {kind, list<Interface>};
}

const std::map<std::string, Method, std::less<>>& methods()
{
    static const auto all = [] {
        std::map<std::string, Method, std::less<>> methods;
        add_resource<sdk::Storage, sdk::DiskSpec>(methods);
        add_resource<sdk::StorageFork, sdk::FreezeSpec>(methods);
        add_resource<sdk::Network, sdk::LinkSpec>(methods);
        const std::string storage(plugins::kind_of<sdk::Storage>);
        const std::string fork(plugins::kind_of<sdk::StorageFork>);
        const std::string network(plugins::kind_of<sdk::Network>);
        const std::string names(plugins::kind_of<sdk::NetworkNames>);
        methods[network + " connect"] = {network, connect};
        methods[names + " probe"] = {names, probe};
        methods[names + " route"] = {names, route};
        methods[names + " unroute"] = {names, unroute};
        methods[names + " routed"] = {names, routed};
        methods[storage + " create"] = {storage, create_disk};
        methods[storage + " destroy"] = {storage, destroy_disk};
        methods[fork + " commit"] = {fork, commit};
        methods[fork + " destroy"] = {fork, destroy_layer};
        return methods;
    }();
    return all;
}

json::Object status_of(uid_t user, const std::vector<Held>& held)
{
    json::Array installations;
    for (const auto& one : held) {
        json::Object object;
        object.set("instance", one.installation.instance).set("vms_directory", one.installation.vms_directory);
        object.set("disks", static_cast<std::uint64_t>(one.disks)).set("links", static_cast<std::uint64_t>(one.links));
        installations.add(object);
    }
    json::Object status;
    status.set("pid", static_cast<std::int64_t>(::getpid())).set("version", rpc::version());
    status.set("build", rpc::build_id()).set("protocol", rpc::helper::protocol_version);
    status.set("user", static_cast<std::uint64_t>(user)).set("installations", installations);
    return status;
}

Result<json::Object> answer(const Service::Settings& settings, const std::string& method, const json::Value& params,
                            sdk::Call& call)
{
    if (json::find_int(params, "protocol") != rpc::helper::protocol_version)
        return make_error(Code::unsupported, "the helper and this banger are of versions that do not fit",
                          "have the helper installed again: `sudo banger system install`");
    if (method == rpc::helper::status_method) {
        auto held = settings.held();
        return held ? Result<json::Object>(status_of(settings.user, *held)) : std::move(held).error();
    }
    const auto found = methods().find(method);
    const OwnVerb own = own_verb(method);
    if (found == methods().end() && own == nullptr)
        return make_error(Code::invalid, "the helper has no such method");
    const Remit remit(settings.user, settings.is_of_session);
    const Installation installation{json::string_or(params, "instance"), json::string_or(params, "vms_directory")};
    if (auto allowed = remit.check(installation); !allowed)
        return std::move(allowed).error();
    const std::string name = json::string_or(params, "name");
    const Request request(params, remit, installation, name, settings.name_in_kernel(installation.instance));
    if (own != nullptr)
        return own(settings, request, call);
    auto provider = settings.provider(installation, {found->second.kind, name});
    if (!provider)
        return std::move(provider).error();
    return found->second.verb(**provider, request, call);
}

// A defect ends one request, and not the helper.
Result<json::Object> guarded_answer(const Service::Settings& settings, const rpc::Exchange& exchange, sdk::Call& call)
{
    try {
        return answer(settings, exchange.method(), exchange.params(), call);
    } catch (const std::exception& defect) {
        return make_error(Code::internal, std::string("a defect in the helper: ") + defect.what());
    }
}

std::shared_ptr<base::CallContext> context_of(const std::shared_ptr<rpc::Exchange>& exchange)
{
    auto call = std::make_shared<base::CallContext>([exchange](const sdk::Progress& progress) {
        json::Object told;
        told.set("stage", progress.stage).set("done", progress.done).set("total", progress.total);
        exchange->notify("progress", told.set("unit", progress.unit).value());
    });
    call->on_warning([exchange](const std::string& message) {
        json::Object told;
        exchange->notify("warning", told.set("message", message).value());
    });
    exchange->on_cancel([weak = std::weak_ptr(call)] {
        if (const auto running = weak.lock())
            running->cancel();
    });
    return call;
}

}  // namespace

Service::Service(Settings settings) : settings_(std::move(settings)), workers_(most_workers) {}

Service::~Service()
{
    stop();
}

void Service::handle(const std::shared_ptr<rpc::Exchange>& exchange)
{
    if (waiting_ >= most_waiting)
        return exchange->fail(make_error(Code::busy, "too many requests wait for the helper"));
    ++waiting_;
    workers_.post([this, exchange, call = context_of(exchange)] {
        --waiting_;
        if (stopping_)
            return exchange->fail(make_error(Code::cancelled, "the helper is stopping"));
        auto result = guarded_answer(settings_, *exchange, *call);
        call->silence();
        if (result)
            return exchange->reply(*result);
        // What was refused is for root to know: the user sees it anyway.
        if (result.error().code == Code::permission || result.error().code == Code::invalid)
            log::warning("refused: " + result.error().message);
        exchange->fail(result.error());
    });
}

}  // namespace banger::privd
