// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/forward/forward_to_host.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <utility>

#include "banger/sdk/os/file.hpp"

namespace banger::forward {

/// Tries the addresses of a target one after the other, each for its share of the time that is left.
class ForwardToHost::Attempt : public std::enable_shared_from_this<Attempt> {
public:
    using Done = std::function<void(sdk::Result<sdk::os::UniqueFd>)>;

    Attempt(boost::asio::io_context& loop, const HostTarget& target, Done done)
        : socket_(loop),
          target_(target),
          done_(std::move(done)),
          timer_(loop),
          deadline_(std::chrono::steady_clock::now() + target.patience)
    {
    }

    void try_next(sdk::Error before)
    {
        if (next_ == target_.addresses.size())
            return finish(std::move(before));
        const auto left = deadline_ - std::chrono::steady_clock::now();
        timer_.expires_after(left / static_cast<long>(target_.addresses.size() - next_));
        timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            if (const auto self = weak.lock(); self && !error)
                self->give_up();
        });
        const std::string& text = target_.addresses[next_++];
        boost::system::error_code wrong;
        const auto address = boost::asio::ip::make_address(text, wrong);
        if (wrong)
            return try_next(sdk::make_error(sdk::Code::invalid, "'" + text + "' is no IP address"));
        boost::system::error_code ignored;
        socket_.close(ignored);
        late_ = false;
        socket_.async_connect({address, target_.port},
                              [self = shared_from_this(), text](const boost::system::error_code& error) {
                                  self->ended(text, error);
                              });
    }

    /// Nobody is told anything.
    void cancel()
    {
        done_ = nullptr;
        timer_.cancel();
        boost::system::error_code ignored;
        socket_.close(ignored);
    }

private:
    void give_up()
    {
        late_ = true;
        boost::system::error_code ignored;
        socket_.cancel(ignored);
    }

    void ended(const std::string& address, const boost::system::error_code& error)
    {
        if (!done_)
            return;
        if (error)
            return try_next(sdk::os_error(
                "connect to port " + std::to_string(target_.port) + " of " + address + " on this host",
                late_ ? ETIMEDOUT : error.value()));
        boost::system::error_code ignored;
        socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
        finish(sdk::os::UniqueFd(socket_.release(ignored)));
    }

    void finish(sdk::Result<sdk::os::UniqueFd> how)
    {
        timer_.cancel();
        std::exchange(done_, nullptr)(std::move(how));
    }

    boost::asio::ip::tcp::socket socket_;
    HostTarget target_;
    Done done_;  ///< none once it was called
    std::size_t next_ = 0;
    boost::asio::steady_timer timer_;
    std::chrono::steady_clock::time_point deadline_;
    bool late_ = false;  ///< this address had its time
};

std::shared_ptr<ForwardToHost> ForwardToHost::make(boost::asio::io_context& loop, HostTarget target,
                                                   const std::shared_ptr<guest::AgentClient>& agent,
                                                   std::shared_ptr<Places> places, Events events)
{
    return std::shared_ptr<ForwardToHost>(
        new ForwardToHost(loop, std::move(target), agent, std::move(places), std::move(events)));
}

sdk::Result<std::uint16_t> ForwardToHost::listen(const agent::ListenSpec& spec, const guest::Patience& patience)
{
    const auto session = agent();
    if (!session)
        return sdk::make_error(sdk::Code::unavailable, "the session with the guest's agent was ended");
    const std::weak_ptr<ForwardToHost> weak(std::static_pointer_cast<ForwardToHost>(shared_from_this()));
    auto listening = session->listen(
        spec,
        [weak](std::int64_t accepted) {
            if (const auto self = weak.lock())
                self->take(accepted);
        },
        [weak](const sdk::Result<void>& how) {
            if (const auto self = weak.lock())
                self->end(how ? sdk::make_error(sdk::Code::unavailable, "the guest's agent listens no more")
                              : how.error());
        },
        patience);
    if (!listening)
        return std::move(listening.error());
    boost::asio::post(loop_, [self = weak.lock(), stop = std::move(listening->stop)]() mutable {
        if (self->closed())
            return stop();
        self->stop_listening_ = std::move(stop);
    });
    return listening->port;
}

void ForwardToHost::stop()
{
    accepted_.clear();
    for (const auto& [number, attempt] : std::exchange(attempts_, {}))
        attempt->cancel();
    if (const auto stop_listening = std::exchange(stop_listening_, nullptr))
        stop_listening();
}

void ForwardToHost::take(std::int64_t accepted)
{
    if (closed())
        return;
    // The guest is not trusted: what it says is not kept without an end.
    if (announced_ == agent::most_announced)
        return end(sdk::make_error(sdk::Code::internal, "the guest's agent announced more than " +
                                                            std::to_string(agent::most_announced) +
                                                            " connections that wait"));
    ++announced_;
    accepted_.push_back(accepted);
    serve();
}

void ForwardToHost::serve()
{
    while (!accepted_.empty() && !awaiting_place_) {
        if (const auto place = places_->take())
            serve_next(place);
        else
            await_place();
    }
}

void ForwardToHost::await_place()
{
    awaiting_place_ = true;
    places_->await([weak = weak_from_this(), &loop = loop_](const Places::Place& place) {
        boost::asio::post(loop, [weak, place] {
            const auto self = std::static_pointer_cast<ForwardToHost>(weak.lock());
            if (!self)
                return;
            self->awaiting_place_ = false;
            if (!self->accepted_.empty())
                self->serve_next(place);
            self->serve();
        });
    });
}

void ForwardToHost::serve_next(const Places::Place& place)
{
    const auto accepted = accepted_.front();
    accepted_.pop_front();
    if (!target_.unix_path.empty())
        return connected(accepted, sdk::os::try_connect_unix(target_.unix_path), place);
    const auto number = ++last_attempt_;
    const auto attempt = std::make_shared<Attempt>(
        loop_, target_, [weak = weak_from_this(), number, accepted, place](sdk::Result<sdk::os::UniqueFd> socket) {
            const auto self = std::static_pointer_cast<ForwardToHost>(weak.lock());
            if (!self)
                return;
            self->attempts_.erase(number);
            self->connected(accepted, std::move(socket), place);
        });
    attempts_.emplace(number, attempt);
    attempt->try_next(sdk::make_error(sdk::Code::invalid, "there is no address to connect to"));
}

void ForwardToHost::connected(std::int64_t accepted, sdk::Result<sdk::os::UniqueFd> socket, const Places::Place& place)
{
    if (closed())
        return;
    --announced_;
    if (!socket) {
        refuse(accepted, place);
        return report(socket.error());
    }
    agent::ConnectSpec spec;
    spec.accepted = accepted;
    join(spec, std::move(*socket), place);
}

}  // namespace banger::forward
