// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/service.hpp"

#include <malloc.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include "banger/sdk/os/process.hpp"
#include "core/base/nearest.hpp"
#include "core/lifecycle/liveness.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {

namespace asio = boost::asio;

struct Service::Jobs {
    std::mutex mutex;
    std::map<std::shared_ptr<lifecycle::Operation>, bool> running;  ///< and whether it counts as load
    std::condition_variable less;
    bool closing = false;
    /// Keeps the loop going until the last operation has ended, also when nobody is connected.
    std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
};

namespace {

json::Object progress_json(const sdk::Progress& progress)
{
    json::Object object;
    object.set("stage", progress.stage).set("done", progress.done).set("total", progress.total);
    object.set("unit", progress.unit);
    if (progress.parts.empty())
        return object;
    json::Array parts;
    for (const auto& part : progress.parts)
        parts.add(json::Object().set("name", part.name).set("done", part.done).set("total", part.total));
    object.set("parts", parts);
    return object;
}

json::Object warning_json(const std::string& message)
{
    json::Object object;
    object.set("message", message);
    return object;
}

constexpr std::size_t threads_to_end = 16;  // one command has 8 at work, and is not to keep others waiting
constexpr std::size_t threads_to_ask = 4;
constexpr std::size_t threads_to_talk = 8;
constexpr std::size_t threads_to_look = 2;
constexpr std::size_t threads_to_reach = 2;  // agents that may not answer
constexpr std::size_t threads_to_tear_down = 8;  // what one of them waits for in the kernel holds up no stop
constexpr std::size_t threads_to_wait = 32;  // each may take as long as somebody said

/// Between the loop, where a request is cancelled, and the worker that takes it up: one of them comes first.
enum class Turn { waiting, taken, given_up };

// A defect of ours ends one request, not the daemon and everybody's streams.
template <typename Work>
sdk::Result<Answer> run_guarded(const Work& work)
{
    try {
        return work();
    } catch (const std::exception& defect) {
        return sdk::make_error(sdk::Code::internal, std::string("a defect in banger: ") + defect.what(),
                               "please report it, with `banger daemon logs`");
    }
}

std::string full_text(const sdk::Error& error)
{
    std::string text = error.message;
    for (const auto& step : error.during)
        text += " | while: " + step;
    return text;
}

}  // namespace

Service::Service(asio::io_context& loop, lifecycle::Engine& engine, std::size_t workers)
    : loop_(loop),
      engine_(engine),
      jobs_(std::make_unique<Jobs>()),
      makers_(workers),
      enders_(threads_to_end),
      askers_(threads_to_ask),
      talkers_(threads_to_talk),
      lookers_(threads_to_look),
      reachers_(threads_to_reach),
      waiters_(threads_to_wait),
      breakers_(threads_to_tear_down),
      noters_(1)
{
    jobs_->work.emplace(loop.get_executor());
    for (auto& part : {vm_methods(), stream_methods(), session_methods(), source_methods(), host_methods(), reach_methods(),
                       forward_methods()})
        methods_.insert(part.begin(), part.end());
}

Service::~Service() = default;

base::WorkerPool& Service::workers_for(const std::string& verb)
{
    static const std::set<std::string> ends{"vm.stop",   "vm.kill",  "vm.delete", "settle",
                                            "auto-stop", "vm.pause", "vm.resume", "machines"};
    static const std::set<std::string> asks{"room",    "daemon.status", "daemon.stop", "config.show", "vm.list",   "vm.show",
                                            "vm.logs", "vm.ssh",        "ssh.key",     "image.list",  "image.show", "kernel.list",
                                            "kernel.show"};
    static const std::set<std::string> talks{"vm.exec",         "vm.connect",      "vm.forward",
                                             "vm.session.start", "vm.session.list", "vm.session.show",
                                             "vm.session.kill",  "vm.session.attach"};
    static const std::set<std::string> looks{"doctor", "audit", "plugin.list", "plugin.show", "dns.status", "names"};
    static const std::set<std::string> reaches{"ports"};
    static const std::set<std::string> waits{"vm.session.stop"};
    static const std::set<std::string> tears_down{"teardown"};
    for (const auto& [verbs, workers] :
         {std::pair{&ends, &enders_}, {&asks, &askers_}, {&talks, &talkers_}, {&looks, &lookers_},
          {&reaches, &reachers_}, {&waits, &waiters_}, {&tears_down, &breakers_}})
        if (verbs->count(verb) > 0)
            return *workers;
    return makers_;
}

void Service::post(const std::shared_ptr<lifecycle::Operation>& operation, bool missed, std::function<void()> work)
{
    {
        const std::lock_guard lock(jobs_->mutex);
        jobs_->running.emplace(operation, missed);
        if (jobs_->closing)
            operation->cancel();
    }
    workers_for(operation->verb()).post([this, operation, work = std::move(work)] {
        work();
        job_ended(operation);
    });
}

void Service::answered(const std::shared_ptr<lifecycle::Operation>& operation)
{
    const std::lock_guard lock(jobs_->mutex);
    if (const auto job = jobs_->running.find(operation); job != jobs_->running.end())
        job->second = false;
    jobs_->less.notify_all();
}

void Service::job_ended(const std::shared_ptr<lifecycle::Operation>& operation)
{
    bool idle = false;
    {
        const std::lock_guard lock(jobs_->mutex);
        jobs_->running.erase(operation);
        idle = jobs_->running.empty();
        jobs_->less.notify_all();
    }
    if (idle)
        ::malloc_trim(0);  // what work and streams needed at their peak goes back to the host
    // Behind its answer, which is on the loop already.
    asio::post(loop_, [this] { stop_if_done(); });
}

void Service::stop_if_done()
{
    const std::lock_guard lock(jobs_->mutex);
    if (jobs_->closing && jobs_->running.empty()) {
        jobs_->work.reset();
        loop_.stop();
    }
}

bool Service::only_looks(const std::string& verb)
{
    return &workers_for(verb) == &askers_ || verb == "vm.stats" || verb == "vm.health" || verb == "vm.ports" ||
           verb == "vm.session.list" || verb == "vm.session.show" ||
           verb == "dns.status" || verb == "names" || verb == "ports" || verb == "machines";
}

void Service::finish(lifecycle::Operation& operation, const sdk::Error* error)
{
    const std::string outcome(error == nullptr ? "ok" : sdk::to_string(error->code));
    if (error != nullptr && error->code != sdk::Code::cancelled)
        log::error(operation.verb() + " " + operation.vm() + ": " + full_text(*error));
    if (!only_looks(operation.verb()))
        if (auto recorded = engine_.store.record(operation.log(outcome)); !recorded)
            log::warning("cannot record an operation: " + recorded.error().message);
}

void Service::handle(const std::shared_ptr<rpc::Exchange>& exchange)
{
    const auto method = methods_.find(exchange->method());
    if (method == methods_.end())
        return exchange->fail(sdk::make_error(sdk::Code::invalid, "the daemon has no method '" + exchange->method() + "'",
                                              "the daemon may be of another version: `banger daemon stop`"),
                              rpc::ErrorCode::no_such_method);
    auto operation = std::make_shared<lifecycle::Operation>(
        exchange->method(), [exchange](const sdk::Progress& progress) {
            exchange->notify("progress", progress_json(progress).value());
        },
        [exchange](const std::string& message) {
            log::warning(exchange->method() + ": " + message);
            exchange->notify("warning", warning_json(message).value());
        });
    const auto turn = std::make_shared<std::atomic<Turn>>(Turn::waiting);
    exchange->on_cancel([turn, exchange, weak = std::weak_ptr(operation)] {
        auto waiting = Turn::waiting;
        if (turn->compare_exchange_strong(waiting, Turn::given_up))
            return exchange->fail(sdk::make_error(sdk::Code::cancelled, exchange->method() + " was cancelled before it began"));
        if (const auto running = weak.lock())
            running->cancel();
    });
    post(operation, true, [this, exchange, operation, turn, run = &method->second] {
        auto waiting = Turn::waiting;
        if (!turn->compare_exchange_strong(waiting, Turn::taken))
            return;  // whoever asked has had his answer
        auto answer = run_guarded([&] { return (*run)(*this, exchange, *operation); });
        finish(*operation, answer ? nullptr : &answer.error());
        if (answer && !operation->vm().empty() && !only_looks(operation->verb()) && operation->verb() != "vm.delete")
            engine_.usage.used(operation->vm());
        answered(operation);
        if (answer)
            exchange->reply(answer->result, std::move(answer->descriptors));
        else
            exchange->fail(answer.error());
    });
}

void Service::run_own(const std::string& verb, std::function<sdk::Result<void>(lifecycle::Operation&)> work)
{
    auto operation = std::make_shared<lifecycle::Operation>(verb, nullptr);
    operation->commit();  // nobody asked for it, so nobody can ask to leave it
    // The end of the daemon waits for it: no harm, unless it waits for a guest.
    const bool takes_its_time = verb == "vm.stop" || verb == "auto-stop";
    post(operation, takes_its_time, [this, operation, work = std::move(work)] {
        auto done = work(*operation);
        finish(*operation, done ? nullptr : &done.error());
    });
}

Service::Load Service::load_beside(const lifecycle::Operation& own, std::chrono::milliseconds patience) const
{
    Load load;
    std::unique_lock lock(jobs_->mutex);
    jobs_->less.wait_for(lock, patience, [&] {
        load.streams = engine_.agents.open_streams();
        load.operations = static_cast<std::size_t>(
            std::count_if(jobs_->running.begin(), jobs_->running.end(),
                          [&](const auto& job) { return job.second && job.first.get() != &own; }));
        return load.streams + load.operations == 0;
    });
    return load;
}

void Service::stream_changed(const std::string& vm, bool open)
{
    if (!open) {
        const std::lock_guard lock(jobs_->mutex);
        jobs_->less.notify_all();
    }
    noters_.post([this, vm, open] { open ? engine_.usage.opened(vm) : engine_.usage.closed(vm); });
}

void Service::watch_exit(const std::string& vm, const sdk::Handle& vmm)
{
    auto process = lifecycle::watch_vmm(vmm);
    const auto settle = [this, vm] {
        if (on_exit)
            on_exit(vm);
        run_own("settle", [this, vm](lifecycle::Operation& operation) {
            return lifecycle::settle_exited_vm(engine_, vm, operation);
        });
    };
    if (!process)
        return settle();  // it has ended, or nobody will tell when it does: the look at it then says which
    asio::post(loop_, [this, settle, fd = std::make_shared<sdk::os::UniqueFd>(std::move(*process))] {
        auto watch = std::make_shared<asio::posix::stream_descriptor>(loop_, fd->release());
        watch->async_wait(asio::posix::stream_descriptor::wait_read,
                          [watch, settle](const boost::system::error_code& error) {
                              if (!error)
                                  settle();
                          });
    });
}

void Service::shut_down()
{
    asio::post(loop_, [this] {
        {
            const std::lock_guard lock(jobs_->mutex);
            if (jobs_->closing)
                return;
            jobs_->closing = true;
            for (const auto& [operation, missed] : jobs_->running)
                operation->cancel();
        }
        // Closing the connections deletes the VMs whose life was tied to them; those deletions are jobs too.
        if (on_shut_down)
            on_shut_down();
        asio::post(loop_, [this] { stop_if_done(); });
    });
}

}  // namespace banger::daemon
