// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/post.hpp>

#include "core/daemon/held_forward.hpp"
#include "core/daemon/service.hpp"
#include "core/forward/forward_to_guest.hpp"
#include "core/forward/forward_to_host.hpp"
#include "core/lifecycle/verbs.hpp"

namespace banger::daemon {
namespace {

using Exchange = std::shared_ptr<rpc::Exchange>;
using lifecycle::Operation;

constexpr std::chrono::seconds patience_for_listening{10};

/// What every forward begins with.
struct Begun {
    model::VmRecord vm;
    std::shared_ptr<guest::AgentClient> agent;
    std::shared_ptr<HeldForward> held;
    sdk::os::UniqueFd theirs;
};

sdk::Result<Begun> begin(Service& service, const Exchange& exchange, Operation& operation)
{
    auto reference = json::require_string(exchange->params(), "vm", "the request");
    if (!reference)
        return std::move(reference).error();
    auto& engine = service.engine();
    auto vm = engine.store.find(*reference);
    if (!vm)
        return std::move(vm).error();
    operation.concerns(vm->id);
    if (auto started = lifecycle::check_guest_started(engine, *vm, operation); !started)
        return std::move(started).error();
    auto agent = lifecycle::agent_of(engine, *vm, operation);
    if (!agent)
        return std::move(agent).error();
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a socket pair");
    sdk::os::UniqueFd ours(ends[0]);
    sdk::os::UniqueFd theirs(ends[1]);
    service.stream_changed(vm->id, true);
    auto held = std::make_shared<HeldForward>(service.loop(), std::move(ours),
                                              [&service, id = vm->id] { service.stream_changed(id, false); });
    return Begun{std::move(*vm), std::move(*agent), std::move(held), std::move(theirs)};
}

Answer answer_of(Begun begun, std::uint16_t port)
{
    Answer answer;
    answer.result.set("port", static_cast<std::uint64_t>(port));
    answer.descriptors.push_back(std::move(begun.theirs));
    return answer;
}

std::uint16_t port_in(const json::Value& place, const char* key)
{
    const auto number = json::uint_or(place, key);
    return number > UINT16_MAX ? 0 : static_cast<std::uint16_t>(number);
}

sdk::Result<sdk::os::UniqueFd> listener_of(const Exchange& exchange)
{
    auto descriptors = exchange->take_descriptors();
    int listens = 0;
    socklen_t size = sizeof listens;
    if (descriptors.size() != 1 ||
        ::getsockopt(descriptors.front().get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        return sdk::make_error(sdk::Code::invalid, "a forward to a guest comes with one socket that listens");
    if (::fcntl(descriptors.front().get(), F_SETFL, O_NONBLOCK) != 0)
        return sdk::os_error("make a socket not block");
    return std::move(descriptors.front());
}

sdk::Result<Answer> to_guest(Service& service, const Exchange& exchange, Operation& operation)
{
    auto listener = listener_of(exchange);
    if (!listener)
        return std::move(listener).error();
    const json::Value* target = json::find(exchange->params(), "target");
    if (target == nullptr || !target->IsObject())
        return sdk::make_error(sdk::Code::invalid, "a forward has a 'target'");
    agent::ConnectSpec spec;
    spec.tcp_port = port_in(*target, "tcp");
    spec.tcp_address = json::string_or(*target, "address");
    spec.unix_path = json::string_or(*target, "unix");
    if (auto read = agent::connect_spec_from_json(agent::to_json(spec)); !read)
        return std::move(read).error();
    auto begun = begin(service, exchange, operation);
    if (!begun)
        return std::move(begun).error();
    const auto socket = std::make_shared<sdk::os::UniqueFd>(std::move(*listener));
    boost::asio::post(service.loop(), [&loop = service.loop(), socket, spec, held = begun->held, agent = begun->agent,
                                       places = service.places->of(begun->vm.id)] {
        held->hold(
            forward::ForwardToGuest::start(loop, std::move(*socket), spec, agent, places, held->events()));
    });
    return answer_of(std::move(*begun), 0);
}

sdk::Result<Answer> to_host(Service& service, const Exchange& exchange, Operation& operation)
{
    const json::Value* from = json::find(exchange->params(), "listen");
    const json::Value* to = json::find(exchange->params(), "target");
    if (from == nullptr || !from->IsObject() || to == nullptr || !to->IsObject())
        return sdk::make_error(sdk::Code::invalid, "a forward to the host has 'listen' and 'target'");
    agent::ListenSpec spec;
    spec.tcp_port = port_in(*from, "tcp");
    spec.tcp_address = json::string_or(*from, "address");
    spec.unix_path = json::string_or(*from, "unix");
    if (auto read = agent::listen_spec_from_json(agent::to_json(spec)); !read)
        return std::move(read).error();
    const forward::HostTarget target{json::find_strings(*to, "addresses"), port_in(*to, "tcp"),
                                     json::string_or(*to, "unix")};
    if (target.unix_path.empty() && (target.port == 0 || target.addresses.empty()))
        return sdk::make_error(sdk::Code::invalid, "the target of a forward to the host has 'unix', or 'tcp' and 'addresses'");
    auto begun = begin(service, exchange, operation);
    if (!begun)
        return std::move(begun).error();
    const auto forward = forward::ForwardToHost::make(service.loop(), target, begun->agent,
                                                      service.places->of(begun->vm.id), begun->held->events());
    // Before it listens, so that whoever goes away meanwhile ends it.
    boost::asio::post(service.loop(), [held = begun->held, forward] { held->hold(forward); });
    auto port = forward->listen(spec, guest::Patience::of(patience_for_listening, operation.token()));
    if (!port)
        return std::move(port).error();
    return answer_of(std::move(*begun), *port);
}

sdk::Result<Answer> forward_ports(Service& service, const Exchange& exchange, Operation& operation)
{
    const auto direction = json::string_or(exchange->params(), "to");
    if (direction == "guest")
        return to_guest(service, exchange, operation);
    if (direction == "host")
        return to_host(service, exchange, operation);
    return sdk::make_error(sdk::Code::invalid, "a forward goes 'to' the \"guest\" or the \"host\"");
}

}  // namespace

Methods forward_methods()
{
    return {{"vm.forward", forward_ports}};
}

}  // namespace banger::daemon
