// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/rpc/client.hpp"

#include <poll.h>

#include <array>
#include <cerrno>

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
    return Client(std::move(*socket));
}

sdk::Result<void> Client::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        auto sent = send_some(socket_.get(), bytes, {});
        if (!sent)
            return daemon_gone();
        bytes.remove_prefix(*sent);
    }
    return {};
}

sdk::Result<Reply> Client::call(std::string_view method, const json::Object& params, const CallHooks& hooks)
{
    const std::uint64_t id = next_id_++;
    if (auto sent = send(encode_request(id, method, params.value())); !sent)
        return std::move(sent).error();
    bool cancelled = false;
    for (;;) {
        for (;;) {
            auto message = reader_.next();
            if (!message)
                return std::move(message).error();
            if (!*message)
                break;
            const json::Value& body = (*message)->body;
            if (const json::Value* name = json::find(body, "method"); name != nullptr && name->IsString()) {
                const json::Value* its = json::find(body, "params");
                if (hooks.on_notification && its != nullptr)
                    hooks.on_notification(name->GetString(), *its);
                continue;
            }
            if (json::uint_or(body, "id") != id)
                continue;
            if (const json::Value* error = json::find(body, "error")) {
                const json::Value* data = json::find(*error, "data");
                return json::to_error(data != nullptr ? *data : *error);
            }
            Reply reply;
            if (const json::Value* result = json::find(body, "result"))
                reply.result.CopyFrom(*result, reply.result.GetAllocator());
            reply.descriptors = std::move((*message)->descriptors);
            return reply;
        }
        std::array<pollfd, 2> watch{{{socket_.get(), POLLIN, 0}, {hooks.interrupt, POLLIN, 0}}};
        if (::poll(watch.data(), watch.size(), -1) < 0) {
            if (errno == EINTR)
                continue;
            return sdk::os_error("wait for the daemon");
        }
        if (watch[1].revents != 0 && hooks.on_interrupt && hooks.on_interrupt() && !cancelled) {
            cancelled = true;
            json::Object which;
            which.set("id", id);
            if (auto sent = send(encode_notification("cancel", which.value())); !sent)
                return std::move(sent).error();
        }
        if (watch[0].revents == 0)
            continue;
        auto status = reader_.receive(socket_.get());
        if (!status)
            return std::move(status).error();
        if (*status == MessageReader::Status::closed)
            return daemon_gone();
    }
}

}  // namespace banger::rpc
