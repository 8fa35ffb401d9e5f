// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/rpc/client.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::rpc {
namespace {

sdk::Error daemon_gone()
{
    return sdk::make_error(sdk::Code::unavailable, "the daemon went away in the middle of the call",
                           "look at `banger daemon logs`");
}

}  // namespace

sdk::Result<Client> Client::connect(const std::string& socket_path)
{
    auto socket = sdk::os::connect_unix(socket_path);
    if (!socket)
        return sdk::make_error(sdk::Code::unavailable, "no daemon listens on " + socket_path,
                               "start it with `banger daemon start`");
    return Client(std::move(*socket), daemon_gone());
}

sdk::Error Client::lose()
{
    lost_ = true;
    return gone_;
}

sdk::Result<void> Client::send(std::string_view bytes, const std::vector<sdk::os::UniqueFd>& descriptors)
{
    static const std::vector<sdk::os::UniqueFd> none;
    for (bool first = true; !bytes.empty(); first = false) {
        auto sent = send_some(socket_.get(), bytes, first ? descriptors : none);
        if (!sent)
            return lose();
        bytes.remove_prefix(*sent);
    }
    return {};
}

/// Calls that are under way together, by the id that they have on this connection.
class Client::Group {
public:
    Group(Client& client, const std::vector<Request>& requests, std::size_t most_at_a_time, const GroupHooks& hooks)
        : client_(client), requests_(requests), most_at_a_time_(most_at_a_time), hooks_(hooks)
    {
    }

    void run()
    {
        sdk::Result<void> going;
        while (going && (may_send() || !under_way_.empty())) {
            going = send_more();
            if (going)
                going = take_messages();
            if (going && !may_send() && !under_way_.empty())
                going = wait();
        }
        if (!going)
            end_all(going.error());
    }

private:
    [[nodiscard]] bool may_send() const
    {
        return next_ < requests_.size() && under_way_.size() < most_at_a_time_;
    }

    sdk::Result<void> send_more()
    {
        for (; may_send(); ++next_) {
            const Request& request = requests_[next_];
            const std::uint64_t id = client_.next_id_++;
            if (auto sent = client_.send(
                    encode_request(id, request.method, request.params.value(), request.descriptors.size()),
                    request.descriptors);
                !sent)
                return sent;
            under_way_.emplace(id, next_);
        }
        return {};
    }

    sdk::Result<void> take_messages()
    {
        for (;;) {
            auto message = client_.reader_.next();
            if (!message)
                return std::move(message).error();
            if (!*message)
                return {};
            take(std::move(**message));
        }
    }

    void take(Message message)
    {
        const json::Value& body = message.body;
        if (const json::Value* method = json::find(body, "method"); method != nullptr && method->IsString())
            return notify(method->GetString(), json::find(body, "params"));
        const auto ended = under_way_.find(json::uint_or(body, "id"));
        if (ended == under_way_.end())
            return;
        const std::size_t which = ended->second;
        under_way_.erase(ended);
        if (const json::Value* error = json::find(body, "error")) {
            const json::Value* data = json::find(*error, "data");
            return hooks_.on_reply(which, json::to_error(data != nullptr ? *data : *error));
        }
        Reply reply;
        if (const json::Value* result = json::find(body, "result"))
            reply.result.CopyFrom(*result, reply.result.GetAllocator());
        reply.descriptors = std::move(message.descriptors);
        hooks_.on_reply(which, std::move(reply));
    }

    void notify(const std::string& method, const json::Value* params)
    {
        if (params == nullptr || !hooks_.on_notification)
            return;
        const auto call = under_way_.find(json::uint_or(*params, "call"));
        if (call != under_way_.end())
            hooks_.on_notification(call->second, method, *params);
    }

    // For bytes from the daemon or an interrupt.
    sdk::Result<void> wait()
    {
        std::array<pollfd, 2> watch{
            {{client_.socket_.get(), POLLIN, 0}, {cancelled_ && hooks_.interrupt_stays ? -1 : hooks_.interrupt, POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0)
            return errno == EINTR ? sdk::Result<void>() : sdk::os_error("wait for the daemon");
        if (watch[1].revents != 0 && hooks_.on_interrupt && hooks_.on_interrupt())
            if (auto asked = cancel(); !asked)
                return asked;
        if (watch[0].revents == 0)
            return {};
        auto status = client_.reader_.receive(client_.socket_.get());
        if (!status)
            return std::move(status).error();
        return *status == MessageReader::Status::closed ? client_.lose() : sdk::Result<void>();
    }

    sdk::Result<void> cancel()
    {
        if (std::exchange(cancelled_, true))
            return {};
        end_unsent(sdk::make_error(sdk::Code::cancelled, "cancelled before it began"));
        for (const auto& [id, which] : under_way_) {
            json::Object params;
            params.set("id", id);
            if (auto sent = client_.send(encode_notification("cancel", params.value())); !sent)
                return sent;
        }
        return {};
    }

    void end_unsent(const sdk::Error& error)
    {
        while (next_ < requests_.size())
            hooks_.on_reply(next_++, error);
    }

    void end_all(const sdk::Error& error)
    {
        for (const auto& [id, which] : std::exchange(under_way_, {}))
            hooks_.on_reply(which, error);
        end_unsent(error);
    }

    Client& client_;
    const std::vector<Request>& requests_;
    std::size_t most_at_a_time_;
    const GroupHooks& hooks_;
    std::size_t next_ = 0;
    std::map<std::uint64_t, std::size_t> under_way_;
    bool cancelled_ = false;
};

void Client::call_all(const std::vector<Request>& requests, std::size_t most_at_a_time, const GroupHooks& hooks)
{
    Group(*this, requests, std::max<std::size_t>(most_at_a_time, 1), hooks).run();
}

sdk::Result<Reply> Client::call(std::string_view method, const json::Object& params, const CallHooks& hooks,
                                std::vector<sdk::os::UniqueFd> descriptors)
{
    std::optional<sdk::Result<Reply>> answer;
    GroupHooks group;
    if (hooks.on_notification)
        group.on_notification = [&](std::size_t /*which*/, const std::string& name, const json::Value& content) {
            hooks.on_notification(name, content);
        };
    group.on_reply = [&](std::size_t /*which*/, sdk::Result<Reply> reply) { answer.emplace(std::move(reply)); };
    group.interrupt = hooks.interrupt;
    group.on_interrupt = hooks.on_interrupt;
    group.interrupt_stays = hooks.interrupt_stays;
    std::vector<Request> one(1);
    one.front().method = method;
    one.front().params.set_all(params.value());
    one.front().descriptors = std::move(descriptors);
    call_all(one, 1, group);
    return std::move(*answer);
}

}  // namespace banger::rpc
