// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/rpc/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <map>
#include <set>

#include "banger/sdk/os/file.hpp"

namespace banger::rpc {

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

/// One client. All members are touched on the loop thread only.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(asio::io_context& loop, sdk::os::UniqueFd socket, const Server::Limits& limits, Server::Handler handler,
               std::function<void(const std::shared_ptr<Connection>&)> on_close)
        : loop_(loop), socket_(loop, socket.release()), limits_(limits), handler_(std::move(handler)),
          on_close_(std::move(on_close)), reader_(limits.most_message_bytes, limits.descriptors)
    {
    }

    void start() { wait_readable(); }

    [[nodiscard]] asio::io_context& loop() { return loop_; }

    void answer(const RequestId& id, std::string bytes, std::vector<sdk::os::UniqueFd> descriptors)
    {
        if (pending_.erase(id) > 0)
            send(std::move(bytes), std::move(descriptors));
    }

    void notify(const RequestId& id, std::string bytes)
    {
        if (pending_.count(id) > 0)
            send(std::move(bytes), {});
    }

    void on_cancel(const RequestId& id, std::function<void()> callback)
    {
        if (closed_)
            return callback();
        const auto pending = pending_.find(id);
        if (pending == pending_.end())
            return;
        if (pending->second.cancelled)
            callback();
        else
            pending->second.on_cancel = std::move(callback);
    }

    void on_disconnect(std::function<void()> callback)
    {
        if (closed_)
            callback();
        else
            on_disconnect_.push_back(std::move(callback));
    }

    void close_when_written()
    {
        closing_ = true;
        close_if_done();
    }

private:
    struct Pending {
        bool cancelled = false;
        std::function<void()> on_cancel;
    };
    struct Outgoing {
        std::string bytes;
        std::vector<sdk::os::UniqueFd> descriptors;
    };

    void wait_readable()
    {
        socket_.async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
            if (!error && !self->closed_)
                self->read();
        });
    }

    void read()
    {
        auto status = reader_.receive(socket_.native_handle());
        if (!status || *status == MessageReader::Status::closed)
            return close();
        for (;;) {
            auto message = reader_.next();
            if (message && !*message)
                break;
            if (message)
                take(std::move(**message));
            else
                refuse("null", message.error(),
                       message.error().code == sdk::Code::corrupt ? ErrorCode::not_json : ErrorCode::no_request);
            if (closed_)
                return;
        }
        wait_readable();
    }

    void take(Message message)
    {
        const json::Value* id = json::find(message.body, "id");
        const json::Value* given = json::find(message.body, "params");
        const auto method = json::find_string(message.body, "method");
        if (id != nullptr && !id->IsString() && !id->IsNumber())
            return refuse("null", bad("the id of a request is not a text or a number"));
        const RequestId name = id != nullptr ? json::to_text(*id) : RequestId("null");
        if (!method)
            return refuse(name, bad("a request names no method"));
        if (given != nullptr && !given->IsObject())
            return refuse(name, bad("parameters are members of an object"), ErrorCode::bad_params);
        json::Document params;
        if (given != nullptr)
            params.CopyFrom(*given, params.GetAllocator());
        else
            params.SetObject();
        if (id == nullptr)
            return *method == "cancel" ? cancel(params) : void();
        if (pending_.size() >= limits_.most_requests)
            return refuse(name, sdk::make_error(sdk::Code::busy, "too many requests at a time on one connection"),
                          ErrorCode::failed);
        if (!pending_.emplace(name, Pending{}).second)
            return refuse("null", bad("two requests at a time have the id " + name));
        handler_(std::make_shared<Exchange>(shared_from_this(), name, *method, std::move(params),
                                            std::move(message.descriptors)));
    }

    static sdk::Error bad(std::string why) { return sdk::make_error(sdk::Code::invalid, std::move(why)); }

    void refuse(const RequestId& id, const sdk::Error& error, ErrorCode code = ErrorCode::no_request)
    {
        send(encode_error(id, error, code), {});
    }

    void cancel(const json::Value& params)
    {
        const json::Value* id = json::find(params, "id");
        const auto pending = id != nullptr ? pending_.find(json::to_text(*id)) : pending_.end();
        if (pending == pending_.end() || pending->second.cancelled)
            return;
        pending->second.cancelled = true;
        if (auto callback = std::move(pending->second.on_cancel))
            callback();
    }

    void send(std::string bytes, std::vector<sdk::os::UniqueFd> descriptors)
    {
        if (closed_)
            return;
        if (outbox_.size() >= limits_.most_unread)
            return close();
        outbox_.push_back({std::move(bytes), std::move(descriptors)});
        if (outbox_.size() == 1)
            write();
    }

    void write()
    {
        while (!outbox_.empty()) {
            Outgoing& next = outbox_.front();
            auto sent = send_some(socket_.native_handle(), next.bytes, next.descriptors);
            if (!sent)
                return close();
            if (*sent == 0) {
                socket_.async_wait(Descriptor::wait_write,
                                   [self = shared_from_this()](const boost::system::error_code& error) {
                                       if (!error && !self->closed_)
                                           self->write();
                                   });
                return;
            }
            next.descriptors.clear();
            next.bytes.erase(0, *sent);
            if (next.bytes.empty())
                outbox_.pop_front();
        }
        close_if_done();
    }

    void close_if_done()
    {
        if (closing_ && outbox_.empty() && pending_.empty())
            close();
    }

    void close()
    {
        if (closed_)
            return;
        closed_ = true;
        const auto self = shared_from_this();
        boost::system::error_code ignored;
        socket_.close(ignored);
        for (auto& [id, pending] : pending_)
            if (!pending.cancelled && pending.on_cancel)
                std::move(pending.on_cancel)();
        pending_.clear();
        for (auto& callback : std::move(on_disconnect_))
            callback();
        on_close_(self);
    }

    asio::io_context& loop_;
    Descriptor socket_;
    Server::Limits limits_;
    Server::Handler handler_;
    std::function<void(const std::shared_ptr<Connection>&)> on_close_;
    MessageReader reader_;
    std::deque<Outgoing> outbox_;
    std::map<RequestId, Pending> pending_;
    std::vector<std::function<void()>> on_disconnect_;
    bool closing_ = false;
    bool closed_ = false;
};

Exchange::Exchange(std::shared_ptr<Connection> connection, RequestId id, std::string method, json::Document params,
                   std::vector<sdk::os::UniqueFd> descriptors)
    : connection_(std::move(connection)),
      id_(std::move(id)),
      method_(std::move(method)),
      params_(std::move(params)),
      descriptors_(std::move(descriptors))
{
}

void Exchange::notify(std::string_view method, const json::Value& params)
{
    json::Object whose;
    whose.set_all(params);
    if (const auto id = json::parse(id_, "the id"))  // as the caller wrote it: a number or a text
        whose.set("call", *id);
    asio::post(connection_->loop(),
               [connection = connection_, id = id_, bytes = encode_notification(method, whose.value())] {
                   connection->notify(id, bytes);
               });
}

void Exchange::reply(const json::Object& result, std::vector<sdk::os::UniqueFd> descriptors)
{
    auto bytes = encode_result(id_, result.value(), descriptors.size());
    // A handler must be copyable for asio 1.74's post; descriptors are not.
    auto held = std::make_shared<std::vector<sdk::os::UniqueFd>>(std::move(descriptors));
    asio::post(connection_->loop(), [connection = connection_, id = id_, bytes = std::move(bytes), held]() mutable {
        connection->answer(id, std::move(bytes), std::move(*held));
    });
}

void Exchange::fail(const sdk::Error& error, ErrorCode code)
{
    asio::post(connection_->loop(),
               [connection = connection_, id = id_, bytes = encode_error(id_, error, code)]() mutable {
                   connection->answer(id, std::move(bytes), {});
               });
}

void Exchange::on_cancel(std::function<void()> callback)
{
    asio::post(connection_->loop(), [connection = connection_, id = id_, callback = std::move(callback)]() mutable {
        connection->on_cancel(id, std::move(callback));
    });
}

void Exchange::on_disconnect(std::function<void()> callback)
{
    asio::post(connection_->loop(), [connection = connection_, callback = std::move(callback)]() mutable {
        connection->on_disconnect(std::move(callback));
    });
}

/// Lives as long as anything of it is queued on the loop.
class Server::Acceptor : public std::enable_shared_from_this<Server::Acceptor> {
public:
    Acceptor(asio::io_context& loop, sdk::os::UniqueFd listener, Handler handler, const Limits& limits)
        : loop_(loop), listener_(loop), pause_(loop), handler_(std::move(handler)), limits_(limits)
    {
        ::fcntl(listener.get(), F_SETFL, O_NONBLOCK);
        listener_.assign(listener.release());
    }

    void wait()
    {
        full_ = connections_.size() >= limits_.most_connections;
        if (full_)
            return;
        listener_.async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
            if (error)
                return;
            if (self->accept())
                self->wait();
            else
                self->wait_for_room();
        });
    }

    void close()
    {
        boost::system::error_code ignored;
        listener_.close(ignored);
        pause_.cancel();
        for (const auto& connection : std::set(connections_))
            connection->close_when_written();
    }

private:
    // False when there is no descriptor, or no memory, for whoever waits: he still does.
    bool accept()
    {
        sdk::os::UniqueFd socket(
            ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket)
            return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
        const auto peer = sdk::os::peer_of(socket.get());
        if (!peer || (peer->uid != limits_.user && peer->uid != 0))
            return true;
        auto connection = std::make_shared<Connection>(
            loop_, std::move(socket), limits_, handler_,
            [self = weak_from_this()](const std::shared_ptr<Connection>& closed) {
                if (const auto acceptor = self.lock())
                    acceptor->forget(closed);
            });
        connections_.insert(connection);
        connection->start();
        return true;
    }

    void forget(const std::shared_ptr<Connection>& closed)
    {
        connections_.erase(closed);
        if (full_ && listener_.is_open())
            wait();
    }

    void wait_for_room()
    {
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error)
                self->wait();
        });
    }

    asio::io_context& loop_;
    Descriptor listener_;
    asio::steady_timer pause_;
    Handler handler_;
    Limits limits_;
    std::set<std::shared_ptr<Connection>> connections_;
    bool full_ = false;  ///< nobody is let in until one of them ends
};

Server::Server(asio::io_context& loop, sdk::os::UniqueFd listener, Handler handler)
    : Server(loop, std::move(listener), std::move(handler), Limits())
{
}

Server::Server(asio::io_context& loop, sdk::os::UniqueFd listener, Handler handler, const Limits& limits)
    : acceptor_(std::make_shared<Acceptor>(loop, std::move(listener), std::move(handler), limits))
{
    acceptor_->wait();
}

Server::~Server() = default;

void Server::close()
{
    acceptor_->close();
}

}  // namespace banger::rpc
