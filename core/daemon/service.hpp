// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/worker_pool.hpp"
#include "core/forward/guest_ports.hpp"
#include "core/forward/places.hpp"
#include "core/lifecycle/engine.hpp"
#include "core/rpc/server.hpp"

namespace boost::asio {
class io_context;
}

namespace banger::daemon {

/// What a method answers.
struct Answer {
    json::Object result;
    std::vector<sdk::os::UniqueFd> descriptors;
};

class Service;

/// One method of docs/rpc.md, run on a worker.
using Method = std::function<sdk::Result<Answer>(Service&, const std::shared_ptr<rpc::Exchange>&,
                                                 lifecycle::Operation&)>;
using Methods = std::map<std::string, Method>;

/// The methods, by room; each function is in a file of its name.
Methods vm_methods();
Methods stream_methods();
Methods session_methods();
Methods source_methods();
Methods host_methods();
Methods reach_methods();
Methods forward_methods();

/// Carries requests from the loop to workers and answers back. Owns nothing of the engine.
class Service {
public:
    Service(boost::asio::io_context& loop, lifecycle::Engine& engine, std::size_t workers);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// On the loop's thread: hands the request to a worker.
    void handle(const std::shared_ptr<rpc::Exchange>& exchange);

    /// Runs `work` on a worker as an operation of the daemon's own; a failure is logged.
    void run_own(const std::string& verb,
                 std::function<sdk::Result<void>(lifecycle::Operation&)> work);

    /// Tells when the process or VM behind the handle ends, and settles it. From any thread.
    void watch_exit(const std::string& vm, const sdk::Handle& vmm);

    /// A stream of a user to a guest opens or has ended. On any thread; files are written on none of those that call.
    void stream_changed(const std::string& vm, bool open);

    /// Asks every operation to stop, takes no more requests, and stops the loop when the last has ended. From any thread.
    void shut_down();

    /// What would be missed if the daemon ended.
    struct Load {
        std::size_t streams = 0;     ///< of users to guests
        std::size_t operations = 0;  ///< that somebody waits for, or that take longer than somebody would wait for the end
    };
    /// Beside `own`, the caller's. There may be some that are about to end: waits that long for it to get nothing.
    [[nodiscard]] Load load_beside(const lifecycle::Operation& own, std::chrono::milliseconds patience) const;
    [[nodiscard]] lifecycle::Engine& engine() { return engine_; }
    [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
    /// Told of each VMM that watch_exit was told of, once it has ended. On any thread.
    std::function<void(const std::string& vm)> on_exit;
    /// How many connections there may be to guests' ports and through forwards. Set by the daemon.
    std::shared_ptr<forward::GuestPlaces> places;
    /// The published ports of a VM, by its id. Set by the daemon.
    std::function<forward::GuestPorts::Ports(const std::string& vm)> ports_of;
    /// Called on the loop's thread once shut_down begins, to close the server.
    std::function<void()> on_shut_down;

private:
    struct Jobs;

    void finish(lifecycle::Operation& operation, const sdk::Error* error);
    void stop_if_done();
    void job_ended(const std::shared_ptr<lifecycle::Operation>& operation);
    /// `missed`: it counts as load.
    void post(const std::shared_ptr<lifecycle::Operation>& operation, bool missed, std::function<void()> work);
    /// Whoever asked for it has had his answer, or has it before anything that he asks for next.
    void answered(const std::shared_ptr<lifecycle::Operation>& operation);

    boost::asio::io_context& loop_;
    lifecycle::Engine& engine_;
    base::WorkerPool& workers_for(const std::string& verb);
    /// Whether a verb is no use of a VM, and not worth a line among the operations.
    bool only_looks(const std::string& verb);
    Methods methods_;
    std::unique_ptr<Jobs> jobs_;
    /// Who asks or ends something, talks to a guest, looks at the whole host, waits for an agent to publish ports, or for a session
    /// to end must not wait behind those who make something, nor behind each other: each has workers of its own. Last, since their work needs all the rest.
    base::WorkerPool makers_;
    base::WorkerPool enders_;
    base::WorkerPool askers_;
    base::WorkerPool talkers_;
    base::WorkerPool lookers_;
    base::WorkerPool reachers_;
    base::WorkerPool waiters_;
    base::WorkerPool breakers_;  ///< take apart what was stopped or deleted
    base::WorkerPool noters_;  ///< one thread: notes are written in the order in which things happened
};

}  // namespace banger::daemon
