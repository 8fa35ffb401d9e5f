// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/guest/agent_client.hpp"

#include <boost/asio/post.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "core/guest/call_streams.hpp"
#include "core/guest/connection.hpp"
#include "core/guest/join_stream.hpp"
#include "core/guest/relay_stream.hpp"
#include "guest/protocol/json.hpp"

namespace banger::guest {
namespace {

/// Where a worker waits for what the loop finds out.
template <typename T>
class Answer {
public:
    void give(sdk::Result<T> result)
    {
        const std::lock_guard lock(mutex_);
        if (!result_)
            result_.emplace(std::move(result));
        given_.notify_all();
    }

    /// `what` reads like "the guest's agent did not answer /v0/health".
    sdk::Result<T> wait(const Patience& patience, const std::string& what)
    {
        std::unique_lock lock(mutex_);
        const auto have = [this] { return result_.has_value(); };
        if (patience.deadline == std::chrono::steady_clock::time_point::max())
            given_.wait(lock, patience.stop, have);
        else
            given_.wait_until(lock, patience.stop, patience.deadline, have);
        if (result_)
            return std::move(*result_);
        if (patience.stop.stop_requested())
            return sdk::make_error(sdk::Code::cancelled, what + " before the caller gave up");
        return sdk::make_error(sdk::Code::timed_out, what + " in time", "see `banger vm logs` for what the guest says");
    }

private:
    std::mutex mutex_;
    std::condition_variable_any given_;
    std::optional<sdk::Result<T>> result_;
};

/// The port of a stream, learnt on the loop, so that a waiting worker can give the stream up.
template <typename Base>
class AbortableStream final : public ClientStream {
public:
    explicit AbortableStream(std::unique_ptr<Base> inner) : inner_(std::move(inner)) {}
    void on_open(Port port) override
    {
        ClientStream::on_open(port);
        inner_->on_open(std::move(port));
    }
    Produced produce(std::span<char> room) override { return inner_->produce(room); }
    void on_status(int status) override { inner_->on_status(status); }
    void on_data(std::string_view bytes) override { inner_->on_data(bytes); }
    void on_closed(sdk::Result<void> how) override { inner_->on_closed(std::move(how)); }
    void abort() { port_.reset(sdk::make_error(sdk::Code::cancelled, "the caller gave up")); }

private:
    std::unique_ptr<Base> inner_;
};

/// Runs a stream from a worker thread: submits it on the loop, waits, and gives it up when nobody waits any longer.
template <typename T, typename Base>
sdk::Result<T> run_stream(const std::shared_ptr<Connection>& connection, const std::string& path,
                          std::unique_ptr<Base> inner, const std::shared_ptr<Answer<T>>& answer,
                          const Patience& patience)
{
    const auto stream = std::make_shared<AbortableStream<Base>>(std::move(inner));
    boost::asio::post(connection->loop(), [connection, path, stream] { connection->submit(path, stream); });
    auto result = answer->wait(patience, "the guest's agent did not answer " + path);
    if (!result)
        boost::asio::post(connection->loop(), [stream] { stream->abort(); });
    return result;
}

/// Between windows of what a guest says of its listeners or connections: some thousand of them in each.
constexpr std::chrono::milliseconds paced_interval{100};

void append_bounded(std::string& to, std::string_view bytes, std::size_t limit, bool& truncated)
{
    const auto room = limit - std::min(limit, to.size());
    truncated = truncated || bytes.size() > room;
    to.append(bytes.substr(0, room));
}

sdk::Result<agent::SessionFacts> facts_in(sdk::Result<std::string> answer)
{
    if (!answer)
        return std::move(answer.error());
    return agent::session_facts_from_json(*answer);
}

}  // namespace

AgentClient::AgentClient(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

std::shared_ptr<AgentClient> AgentClient::open(boost::asio::io_context& loop, sdk::os::UniqueFd channel,
                                               const agent::Token& token)
{
    auto connection = std::make_shared<Connection>(loop, std::move(channel), token);
    boost::asio::post(loop, [connection] { connection->start(); });
    return std::shared_ptr<AgentClient>(new AgentClient(std::move(connection)));
}

AgentClient::~AgentClient()
{
    boost::asio::post(connection_->loop(), [connection = connection_] {
        connection->close(sdk::make_error(sdk::Code::cancelled, "the session with the guest's agent was ended"));
    });
}

sdk::Result<void> AgentClient::wait_connected(const Patience& patience)
{
    const auto answer = std::make_shared<Answer<void>>();
    boost::asio::post(connection_->loop(), [connection = connection_, answer] {
        connection->when_connected([answer](sdk::Result<void> how) { answer->give(std::move(how)); });
    });
    return answer->wait(patience, "the guest's agent did not answer");
}

sdk::Result<std::string> AgentClient::call(const std::string& path, std::string body, const Patience& patience)
{
    const auto answer = std::make_shared<Answer<std::string>>();
    auto stream = std::make_unique<JsonCallStream>(
        std::move(body), [answer](sdk::Result<std::string> result) { answer->give(std::move(result)); });
    return run_stream(connection_, path, std::move(stream), answer, patience);
}

sdk::Result<std::string> AgentClient::configure(const std::string& json, const Patience& patience)
{
    return call("/v0/configure", json, patience);
}

sdk::Result<agent::GuestFacts> AgentClient::configure(const agent::Configuration& configuration,
                                                      const Patience& patience)
{
    auto facts = configure(agent::to_json(configuration), patience);
    if (!facts)
        return std::move(facts.error());
    return agent::guest_facts_from_json(*facts);
}

sdk::Result<std::string> AgentClient::health(const Patience& patience, bool init_state)
{
    return call("/v0/health", init_state ? R"({"init_state":true})" : "{}", patience);
}

sdk::Result<std::string> AgentClient::wait_ready(const Patience& patience)
{
    auto answer = call("/v0/ready", "{}", patience);
    if (!answer)
        return std::move(answer.error());
    auto document = agent::parse_object(*answer, "the guest's state");
    if (!document)
        return std::move(document.error());
    return agent::Fields(*document, "the guest's state").text("state");
}

sdk::Result<void> AgentClient::shutdown(const Patience& patience)
{
    auto answer = call("/v0/shutdown", R"({"how":"poweroff"})", patience);
    return answer ? sdk::Result<void>() : std::move(answer.error());
}

sdk::Result<void> AgentClient::sync(const Patience& patience)
{
    auto answer = call("/v0/sync", "{}", patience);
    return answer ? sdk::Result<void>() : std::move(answer.error());
}

sdk::Result<agent::SessionFacts> AgentClient::start_session(const agent::SessionSpec& spec, const Patience& patience)
{
    return facts_in(call("/v0/session/start", agent::to_json(spec), patience));
}

sdk::Result<std::vector<agent::SessionFacts>> AgentClient::sessions(const std::string& name, const Patience& patience)
{
    agent::JsonText question;
    question.begin_object().member("name", name).end_object();
    auto answer = call("/v0/session/list", question.str(), patience);
    if (!answer)
        return std::move(answer.error());
    return agent::sessions_from_json(*answer);
}

sdk::Result<agent::SessionFacts> AgentClient::signal_session(const agent::SessionOrder& order, const Patience& patience)
{
    return facts_in(call("/v0/session/signal", agent::to_json(order), patience));
}

sdk::Result<agent::SessionFacts> AgentClient::stop_session(const agent::SessionOrder& order, const Patience& patience)
{
    return facts_in(call("/v0/session/stop", agent::to_json(order), patience));
}

sdk::Result<RunResult> AgentClient::run(const agent::ExecSpec& spec, std::string input, const Patience& patience,
                                        std::size_t limit)
{
    struct State {
        RunResult result;
        bool exited = false;
    };
    const auto answer = std::make_shared<Answer<RunResult>>();
    const auto state = std::make_shared<State>();
    auto on_frame = [state, limit](agent::FrameType type, std::string_view payload) -> sdk::Result<void> {
        auto& result = state->result;
        if (type == agent::FrameType::out)
            append_bounded(result.out, payload, limit, result.truncated);
        if (type == agent::FrameType::err)
            append_bounded(result.err, payload, limit, result.truncated);
        if (type != agent::FrameType::exit)
            return {};
        auto status = agent::exit_status_from_json(payload);
        if (!status)
            return std::move(status.error());
        result.exit = *status;
        state->exited = true;
        return {};
    };
    auto done = [answer, state](sdk::Result<void> how) {
        if (!how)
            answer->give(std::move(how.error()));
        else if (!state->exited)
            answer->give(sdk::make_error(sdk::Code::internal, "the guest's agent did not say how the command ended"));
        else
            answer->give(std::move(state->result));
    };
    auto stream =
        std::make_unique<FrameCallStream>(agent::to_json(spec), std::move(input), std::move(on_frame), std::move(done));
    return run_stream(connection_, "/v0/exec", std::move(stream), answer, patience);
}

sdk::Result<void> AgentClient::write_file(const agent::FileSpec& spec, std::string content, const Patience& patience)
{
    const auto answer = std::make_shared<Answer<void>>();
    const auto in_place = std::make_shared<bool>(false);
    auto on_frame = [in_place](agent::FrameType type, std::string_view) -> sdk::Result<void> {
        *in_place = *in_place || type == agent::FrameType::done;
        return {};
    };
    auto done = [answer, in_place, path = spec.path](sdk::Result<void> how) {
        if (how && !*in_place)
            how = sdk::make_error(sdk::Code::internal, "the guest's agent did not say that '" + path + "' is in place");
        answer->give(std::move(how));
    };
    auto stream = std::make_unique<FrameCallStream>(agent::to_json(spec), std::move(content), std::move(on_frame),
                                                    std::move(done));
    return run_stream(connection_, "/v0/write", std::move(stream), answer, patience);
}

sdk::Result<std::string> AgentClient::read_file(const std::string& path, std::size_t limit, const Patience& patience)
{
    struct State {
        std::string content;
        bool complete = false;
    };
    const auto answer = std::make_shared<Answer<std::string>>();
    const auto state = std::make_shared<State>();
    auto on_frame = [state, limit, path](agent::FrameType type, std::string_view payload) -> sdk::Result<void> {
        state->complete = state->complete || type == agent::FrameType::eof;
        if (type != agent::FrameType::data)
            return {};
        if (state->content.size() + payload.size() > limit)
            return sdk::make_error(sdk::Code::invalid,
                                   "'" + path + "' in the guest is longer than " + std::to_string(limit) + " bytes");
        state->content.append(payload);
        return {};
    };
    auto done = [answer, state, path](sdk::Result<void> how) {
        if (!how)
            answer->give(std::move(how.error()));
        else if (!state->complete)
            answer->give(sdk::make_error(sdk::Code::internal, "the guest's agent did not send all of '" + path + "'"));
        else
            answer->give(std::move(state->content));
    };
    agent::FileSpec spec;
    spec.path = path;
    auto stream =
        std::make_unique<FrameCallStream>(agent::to_json(spec), std::string(), std::move(on_frame), std::move(done));
    return run_stream(connection_, "/v0/read", std::move(stream), answer, patience);
}

AgentClient::OnDone AgentClient::watched(OnDone on_done)
{
    if (!watch_relays_)
        return on_done;
    watch_relays_(true);
    return [watch = watch_relays_, then = std::move(on_done)](sdk::Result<void> how) {
        watch(false);
        if (then)
            then(std::move(how));
    };
}

void AgentClient::relay(const std::string& path, std::string head, sdk::os::UniqueFd peer, OnDone on_done)
{
    auto stream = std::make_shared<RelayStream>(connection_->loop(), std::move(head), std::move(peer),
                                                watched(std::move(on_done)));
    boost::asio::post(connection_->loop(),
                      [connection = connection_, path, stream] { connection->submit(path, stream); });
}

std::function<void()> AgentClient::join(const agent::ConnectSpec& spec, sdk::os::UniqueFd peer, OnDone on_done)
{
    std::string head;
    agent::write_frame(head, agent::FrameType::spec, agent::to_json(spec));
    auto stream = std::make_shared<JoinStream>(connection_->loop(), std::move(head), std::move(peer),
                                               watched(std::move(on_done)));
    boost::asio::post(connection_->loop(),
                      [connection = connection_, stream] { connection->submit("/v0/connect", stream); });
    return [&loop = connection_->loop(), weak = std::weak_ptr(stream)] {
        boost::asio::post(loop, [weak] {
            if (const auto joined = weak.lock())
                joined->abort();
        });
    };
}

sdk::Result<AgentClient::Listening> AgentClient::listen(const agent::ListenSpec& spec,
                                                        std::function<void(std::int64_t)> on_accepted, OnDone on_end,
                                                        const Patience& patience)
{
    const auto answer = std::make_shared<Answer<std::uint16_t>>();
    const auto begun = std::make_shared<bool>(false);
    auto on_frame = [answer, begun, on_accepted = std::move(on_accepted)](agent::FrameType type,
                                                                         std::string_view payload) -> sdk::Result<void> {
        if (type == agent::FrameType::started) {
            auto port = agent::listening_from_json(payload);
            if (!port)
                return std::move(port.error());
            *begun = true;
            answer->give(*port);
        } else if (type == agent::FrameType::data) {
            auto number = agent::accepted_from_json(payload);
            if (!number)
                return std::move(number.error());
            on_accepted(*number);
        }
        return {};
    };
    auto done = [answer, begun, on_end = std::move(on_end)](sdk::Result<void> how) {
        if (*begun)
            return on_end(std::move(how));
        answer->give(how ? sdk::make_error(sdk::Code::internal, "the guest's agent did not say where it listens")
                         : std::move(how.error()));
    };
    const auto stream = std::make_shared<AbortableStream<PacedCallStream>>(std::make_unique<PacedCallStream>(
        connection_->loop(), paced_interval, agent::to_json(spec), std::move(on_frame), std::move(done)));
    boost::asio::post(connection_->loop(), [connection = connection_, stream] {
        connection->submit("/v0/listen", stream, Connection::For::itself);
    });
    std::function<void()> stop = [&loop = connection_->loop(), stream] {
        boost::asio::post(loop, [stream] { stream->abort(); });
    };
    auto port = answer->wait(patience, "the guest's agent did not say that it listens");
    if (!port) {
        stop();
        return std::move(port.error());
    }
    return Listening{*port, std::move(stop)};
}

std::function<void()> AgentClient::refuse(std::int64_t accepted, OnDone on_done)
{
    agent::ConnectSpec spec;
    spec.accepted = accepted;
    spec.refused = true;
    const auto stream = std::make_shared<AbortableStream<FrameCallStream>>(std::make_unique<FrameCallStream>(
        agent::to_json(spec), std::string(),
        [](agent::FrameType, std::string_view) -> sdk::Result<void> { return {}; }, std::move(on_done)));
    boost::asio::post(connection_->loop(), [connection = connection_, stream] {
        connection->submit("/v0/connect", stream, Connection::For::itself);
    });
    return [&loop = connection_->loop(), stream] { boost::asio::post(loop, [stream] { stream->abort(); }); };
}

sdk::Result<std::vector<agent::Listener>> AgentClient::listeners(const Patience& patience, std::size_t most)
{
    const auto answer = std::make_shared<Answer<std::vector<agent::Listener>>>();
    const auto all = std::make_shared<std::vector<agent::Listener>>();
    auto on_frame = [all, most](agent::FrameType type, std::string_view payload) -> sdk::Result<void> {
        if (type != agent::FrameType::data)
            return {};
        auto change = agent::listeners_change_from_json(payload);
        if (!change)
            return std::move(change.error());
        if (all->size() + change->appeared.size() > most)
            return sdk::make_error(sdk::Code::internal,
                                   "the guest's agent named more than " + std::to_string(most) + " listeners");
        all->insert(all->end(), change->appeared.begin(), change->appeared.end());
        return {};
    };
    auto done = [answer, all](sdk::Result<void> how) {
        if (!how)
            return answer->give(std::move(how.error()));
        answer->give(std::move(*all));
    };
    auto stream = std::make_unique<FrameCallStream>(agent::to_json(agent::ListenersSpec{false, true}), std::string(),
                                                    std::move(on_frame), std::move(done));
    return run_stream(connection_, "/v0/listeners", std::move(stream), answer, patience);
}

std::function<void()> AgentClient::follow_listeners(std::function<void(const agent::ListenersChange&)> on_change,
                                                    OnDone on_end)
{
    auto on_frame = [on_change = std::move(on_change)](agent::FrameType type,
                                                       std::string_view payload) -> sdk::Result<void> {
        if (type != agent::FrameType::data)
            return {};
        auto change = agent::listeners_change_from_json(payload);
        if (!change)
            return std::move(change.error());
        on_change(*change);
        return {};
    };
    const auto stream = std::make_shared<AbortableStream<PacedCallStream>>(std::make_unique<PacedCallStream>(
        connection_->loop(), paced_interval, agent::to_json(agent::ListenersSpec{true, false}), std::move(on_frame),
        std::move(on_end)));
    boost::asio::post(connection_->loop(), [connection = connection_, stream] {
        connection->submit("/v0/listeners", stream, Connection::For::itself);
    });
    return [&loop = connection_->loop(), stream] { boost::asio::post(loop, [stream] { stream->abort(); }); };
}

void AgentClient::on_closed(std::function<void(const sdk::Error&)> closed)
{
    boost::asio::post(connection_->loop(), [connection = connection_, closed = std::move(closed)]() mutable {
        connection->when_closed(std::move(closed));
    });
}

bool AgentClient::alive() const
{
    return connection_->alive();
}

std::size_t AgentClient::open_streams() const
{
    return connection_->open_streams();
}

}  // namespace banger::guest
