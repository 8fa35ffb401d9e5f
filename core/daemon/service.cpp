// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/service.hpp"

#include <sys/syscall.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <charconv>
#include <mutex>
#include <set>

#include "banger/sdk/os/process.hpp"
#include "core/base/nearest.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {

namespace asio = boost::asio;

struct Service::Jobs {
    std::mutex mutex;
    std::set<std::shared_ptr<lifecycle::Operation>> running;
    bool closing = false;
};

namespace {

json::Object progress_json(const sdk::Progress& progress)
{
    json::Object object;
    object.set("stage", progress.stage).set("done", progress.done).set("total", progress.total);
    object.set("unit", progress.unit);
    return object;
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
      workers_(std::make_unique<asio::thread_pool>(workers)),
      jobs_(std::make_unique<Jobs>())
{
    for (auto& part : {vm_methods(), stream_methods(), source_methods(), host_methods()})
        methods_.insert(part.begin(), part.end());
}

Service::~Service()
{
    workers_->join();
}

void Service::post(const std::shared_ptr<lifecycle::Operation>& operation, std::function<void()> work)
{
    {
        const std::lock_guard lock(jobs_->mutex);
        jobs_->running.insert(operation);
        if (jobs_->closing && operation->verb() != "settle")
            operation->cancel();
    }
    asio::post(*workers_, [this, operation, work = std::move(work)] {
        work();
        job_ended(operation);
    });
}

void Service::job_ended(const std::shared_ptr<lifecycle::Operation>& operation)
{
    {
        const std::lock_guard lock(jobs_->mutex);
        jobs_->running.erase(operation);
    }
    // Behind its answer, which is on the loop already.
    asio::post(loop_, [this] { stop_if_done(); });
}

void Service::stop_if_done()
{
    const std::lock_guard lock(jobs_->mutex);
    if (jobs_->closing && jobs_->running.empty())
        loop_.stop();
}

void Service::finish(lifecycle::Operation& operation, const sdk::Error* error)
{
    const std::string outcome(error == nullptr ? "ok" : sdk::to_string(error->code));
    if (error != nullptr && error->code != sdk::Code::cancelled)
        log::error(operation.verb() + " " + operation.vm() + ": " + full_text(*error));
    if (!operation.vm().empty())
        if (auto recorded = engine_.store.record(operation.log(outcome)); !recorded)
            log::warning("cannot record an operation: " + recorded.error().message);
}

void Service::handle(const std::shared_ptr<rpc::Exchange>& exchange)
{
    const auto method = methods_.find(exchange->method());
    if (method == methods_.end())
        return exchange->fail(sdk::make_error(sdk::Code::invalid, "the daemon has no method '" + exchange->method() + "'",
                                              "the daemon may be of another version: `banger daemon stop`"));
    auto operation = std::make_shared<lifecycle::Operation>(
        exchange->method(), [exchange](const sdk::Progress& progress) {
            exchange->notify("progress", progress_json(progress).value());
        });
    exchange->on_cancel([weak = std::weak_ptr(operation)] {
        if (const auto running = weak.lock())
            running->cancel();
    });
    post(operation, [this, exchange, operation, run = &method->second] {
        auto answer = (*run)(*this, exchange, *operation);
        finish(*operation, answer ? nullptr : &answer.error());
        if (answer)
            exchange->reply(answer->result, std::move(answer->descriptors));
        else
            exchange->fail(answer.error());
    });
}

void Service::run_own(const std::string& verb, std::function<sdk::Result<void>(lifecycle::Operation&)> work)
{
    auto operation = std::make_shared<lifecycle::Operation>(verb, nullptr);
    post(operation, [this, operation, work = std::move(work)] {
        auto done = work(*operation);
        finish(*operation, done ? nullptr : &done.error());
    });
}

std::size_t Service::running() const
{
    const std::lock_guard lock(jobs_->mutex);
    return jobs_->running.size();
}

void Service::watch_exit(const std::string& vm, const sdk::Handle& vmm)
{
    const auto text = vmm.bound.find("pid");
    pid_t pid = 0;
    if (text != vmm.bound.end())
        std::from_chars(text->second.data(), text->second.data() + text->second.size(), pid);
    sdk::os::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
    const auto id = sdk::os::identify(pid);
    const auto start = vmm.bound.find("start_time");
    const bool same = id && (start == vmm.bound.end() || std::to_string(id->start_time) == start->second);
    const auto settle = [this, vm] {
        run_own("settle", [this, vm](lifecycle::Operation& operation) {
            return lifecycle::settle_exited_vm(engine_, vm, operation);
        });
    };
    if (!pidfd || !same)
        return settle();
    asio::post(loop_, [this, settle, fd = std::make_shared<sdk::os::UniqueFd>(std::move(pidfd))] {
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
            for (const auto& operation : jobs_->running)
                operation->cancel();
        }
        // Closing the connections deletes the VMs whose life was tied to them; those deletions are jobs too.
        if (on_shut_down)
            on_shut_down();
        asio::post(loop_, [this] { stop_if_done(); });
    });
}

}  // namespace banger::daemon
