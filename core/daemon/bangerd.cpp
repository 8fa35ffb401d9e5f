// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <malloc.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "banger/sdk/os/file.hpp"
#include "core/base/ids.hpp"
#include "core/base/loopback_range.hpp"
#include "core/daemon/auto_stop.hpp"
#include "core/daemon/known_catalogue.hpp"
#include "core/daemon/late_reach.hpp"
#include "core/daemon/machine_scopes.hpp"
#include "core/daemon/places.hpp"
#include "core/daemon/port_publisher.hpp"
#include "core/daemon/room_watch.hpp"
#include "core/daemon/scope.hpp"
#include "core/daemon/service.hpp"
#include "core/daemon/teardown.hpp"
#include "core/lifecycle/name_route.hpp"
#include "core/lifecycle/reach.hpp"
#include "core/lifecycle/stray_files.hpp"
#include "core/lifecycle/teardown.hpp"
#include "core/lifecycle/verbs.hpp"
#include "core/log/log.hpp"

namespace banger::daemon {
namespace {

namespace asio = boost::asio;

/// Tells whoever started us how it went, once: "ok", or the error as a line of JSON.
class Readiness {
public:
    explicit Readiness(int fd) : fd_(fd) {}
    void ok() { tell("ok\n"); }
    void failed(const sdk::Error& error) { tell(json::from_error(error).text() + "\n"); }

private:
    void tell(const std::string& line)
    {
        if (fd_)
            (void)sdk::os::write_all(fd_.get(), line);
        fd_.reset();
    }
    sdk::os::UniqueFd fd_;
};

// One daemon per state directory; the lock goes with the process, however it ends.
sdk::Result<sdk::os::UniqueFd> lock_state(const config::Paths& paths)
{
    auto fd = sdk::os::open_file(paths.lock_file(), O_RDWR | O_CREAT, 0600);
    if (!fd)
        return fd;
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) {
        // For a caller who finds the lock held and no socket: whom to end.
        const std::string pid = std::to_string(::getpid()) + "\n";
        if (::ftruncate(fd->get(), 0) != 0 || ::pwrite(fd->get(), pid.data(), pid.size(), 0) < 0)
            return sdk::os_error("write " + paths.lock_file());
        return fd;
    }
    if (errno != EWOULDBLOCK)
        return sdk::os_error("lock " + paths.lock_file());
    return sdk::make_error(sdk::Code::exists, "a daemon runs already for " + paths.state,
                           "`banger daemon status` shows it");
}

// Each published port and each connection to one takes a descriptor or two. What we start inherits the limit, which stays
// small enough for programs that walk all descriptors there could be.
void allow_many_descriptors()
{
    constexpr rlim_t many = 65536;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= many)
        return;
    limit.rlim_cur = std::min(limit.rlim_max, many);
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

constexpr std::size_t most_connections_of_a_guest = 4096;

// Half of the descriptors, so that what is asked of us meanwhile finds some.
std::size_t most_connections()
{
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur / 2 : most_connections_of_a_guest;
}

sdk::Result<std::string> instance_id(const config::Paths& paths)
{
    auto text = sdk::os::read_file(paths.instance_file(), 64);
    if (text) {
        const std::string id = text->substr(0, text->find('\n'));
        if (id.size() == 8 && id.find_first_not_of("0123456789abcdef") == std::string::npos)
            return id;
        return sdk::make_error(sdk::Code::corrupt, paths.instance_file() + " does not hold an instance id",
                               "the names of this installation's processes carry it; take it from one of them");
    }
    if (text.error().code != sdk::Code::not_found)
        return std::move(text).error();
    const std::string id = base::new_instance_id();
    if (auto wrote = sdk::os::write_file_atomic(paths.instance_file(), id + "\n"); !wrote)
        return std::move(wrote).error();
    return id;
}

// The registry keeps every provider it made for as long as it lives.
template <typename Source>
std::function<sdk::Result<Source*>(const std::string&)> source_finder(plugins::Registry& registry)
{
    return [&registry](const std::string& name) -> sdk::Result<Source*> {
        auto source = registry.get<Source>(name);
        if (!source)
            return std::move(source).error();
        return source->get();
    };
}

// On a worker: guests take their time, and nobody who calls the daemon is to wait for that.
void finish_stop(Service& service, lifecycle::LockedVm vm)
{
    service.run_own("vm.stop", [&service, held = std::make_shared<lifecycle::LockedVm>(std::move(vm))](
                                   lifecycle::Operation& operation) {
        return lifecycle::finish_stop(service.engine(), std::move(*held), operation);
    });
}

sdk::Result<void> serve(const config::Paths& paths, Readiness& ready)
{
    if (auto made = paths.make(); !made)
        return made;
    auto lock = lock_state(paths);
    if (!lock)
        return std::move(lock).error();
    const config::HostFacts host = config::read_host_facts();
    auto config = config::load(paths.config_file, host);
    if (!config)
        return std::move(config).error();
    auto instance = instance_id(paths);
    if (!instance)
        return std::move(instance).error();
    auto agent_program = find_agent_program();
    if (!agent_program)
        return std::move(agent_program).error();
    // Before anything is started, which would stay behind. Doctor says what it means when this fails.
    if (auto left = leave_service("banger-" + *instance); !left)
        log::warning(left.error().message);

    asio::io_context loop(1);
    auto opened = plugins::Registry::open(registry_settings(paths, *config, *instance));
    if (!opened)
        return std::move(opened).error();
    plugins::Registry& registry = **opened;
    // What a setting that is not meant would do unseen: `auto` would take another provider.
    if (auto problems = registry.check_config(config->plugins); !problems.empty())
        return std::move(problems.front());
    const images::Catalogue catalogue = known_catalogue(registry, *config);
    images::ImageStore image_store(paths.images(), catalogue, source_finder<sdk::ImageSource>(registry),
                                   {config->images.most_entries.value, config->images.most_bytes.value});
    images::KernelStore kernel_store(paths.kernels(), catalogue, source_finder<sdk::KernelSource>(registry));
    image_store.sweep();
    kernel_store.sweep();
    store::VmStore store(paths.database(), paths.vms());
    lifecycle::ProviderOperations operations(registry, store, config->backends, paths.vms());
    lifecycle::Agents agents(loop);
    lifecycle::Usage usage(paths.vms());
    auto range = base::LoopbackRange::parse(config->ports.addresses.value);
    if (!range)
        return std::move(range).error();
    forward::LoopbackAddresses addresses(*range, *instance);
    lifecycle::Engine engine{paths,       *config, host,   catalogue, *instance, *agent_program, registry, store,
                             image_store, kernel_store, operations, agents, {}, {}, {}, {}, usage, {}, {}, addresses,
                             {}, {}};
    MachineScopes scopes(MachineScopes::maker_of(*instance, paths.vms()));
    engine.scopes = &scopes;
    std::optional<AutoStop> auto_stop;
    std::optional<RoomWatch> room_watch;
    std::optional<LateReach> late_reach;
    std::optional<Teardown> teardown;
    Service service(loop, engine, config->daemon.workers.value);
    service.places = std::make_shared<forward::GuestPlaces>(most_connections_of_a_guest, most_connections());
    PortPublisher publisher(loop, service);
    service.ports_of = [&](const std::string& vm) { return publisher.ports_of(vm); };
    engine.publish_ports = [&](const std::string& vm, const std::string& address) { publisher.publish(vm, address); };
    engine.withdraw_ports = [&](const std::string& vm) { publisher.withdraw(vm); };
    agents.on_connected = [&](const std::string& vm) { publisher.hasten(vm); };
    late_reach.emplace(loop, service);
    teardown.emplace(loop, service);
    engine.tear_down_later = [&](std::shared_ptr<lifecycle::LockedVm> vm) { teardown->begin(std::move(vm)); };
    engine.open_reach_later = [&](const std::string& vm) { late_reach->try_later(vm); };
    agents.on_stream = [&](const std::string& vm, bool open) { service.stream_changed(vm, open); };
    if (const auto limit = config->daemon.auto_stop_stale_after.value; limit.count() > 0)
        auto_stop.emplace(loop, service, limit);
    if (const auto least = config->daemon.pause_below.value; least > 0) {
        room_watch.emplace(loop, service, least);
        room_watch->on_resumed = [&](const std::string& vm) { publisher.hasten(vm); };
    }
    service.on_exit = [&](const std::string& vm) {
        if (room_watch)
            room_watch->ended(vm);
    };
    engine.boot_begins = [&](const std::string& vm) {
        if (room_watch)
            room_watch->began(vm);
    };
    engine.boot_ended = service.on_exit;
    engine.watch_exit = [&](const std::string& vm, const sdk::Handle& vmm) {
        if (room_watch)
            room_watch->began(vm);  // before its end may be told
        service.watch_exit(vm, vmm);
        if (auto_stop)
            auto_stop->watch(vm);
    };

    // The listener exists before reconciling, so that a caller who finds it waits instead of starting another daemon.
    auto listener = sdk::os::listen_unix(paths.socket());
    if (!listener)
        return std::move(listener).error();
    lifecycle::Reconciled found;
    if (auto health = store.health(); !health) {
        log::error(health.error().message);
    } else {
        lifecycle::sweep_unfinished(engine);
        lifecycle::Operation operation("reconcile", nullptr);
        found = lifecycle::reconcile(engine, operation);
        for (const auto& trouble : found.troubles)
            log::warning("reconcile: " + trouble);
        if (auto recorded = store.record(operation.log("ok")); !recorded)
            log::warning("record an operation: " + recorded.error().message);
    }
    rpc::Server server(loop, std::move(*listener), [&](const auto& exchange) { service.handle(exchange); });
    service.on_shut_down = [&] {
        (void)sdk::os::remove_file(paths.socket());  // the next daemon makes its own
        server.close();
    };
    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (!error)
            service.shut_down();
    });
    log::info("instance " + *instance + " serves " + paths.socket());
    ready.ok();
    // Names are answered from now on, and not only once there is one.
    service.run_own("names", [&engine](lifecycle::Operation& operation) -> sdk::Result<void> {
        auto names = lifecycle::name_service(engine, operation);
        return names ? sdk::Result<void>() : std::move(names).error();
    });
    for (auto& vm : found.stopping)
        finish_stop(service, std::move(vm));
    for (auto& vm : found.unfinished) {
        lifecycle::Operation again("teardown", nullptr);
        if (auto left = lifecycle::leave_to_teardown(engine, std::move(vm), again); !left)
            log::warning("teardown: " + left.error().message);
    }
    loop.run();
    lifecycle::Operation ending("shutdown", nullptr);
    lifecycle::unroute_names(engine, ending);
    log::info("stopped");
    return {};
}

}  // namespace
}  // namespace banger::daemon

int main(int argc, char** argv)
{
    using namespace banger;
    namespace options = boost::program_options;
    int ready_fd = -1;
    bool verbose = false;
    options::options_description known("bangerd, the daemon behind banger; `banger` starts it by itself");
    known.add_options()("help", "show this")                                                              //
        ("ready-fd", options::value(&ready_fd), "descriptor that is told \"ok\" or an error, then closed")  //
        ("verbose", options::bool_switch(&verbose), "log every step");
    try {
        options::variables_map given;
        options::store(options::parse_command_line(argc, argv, known), given);
        options::notify(given);
        if (given.count("help") > 0) {
            std::cout << known << "\n";
            return 0;
        }
    } catch (const options::error& error) {
        std::cerr << "bangerd: " << error.what() << "\n";
        return 2;
    }
    ::umask(0077);
    daemon::allow_many_descriptors();
    ::mallopt(M_ARENA_MAX, 2);  // an arena for each of the many threads would keep their peaks for ever
    // Also fixes what is a large block, which otherwise grows with the largest: the top of an arena is never trimmed else
    // (mallopt(3), M_MMAP_THRESHOLD).
    ::mallopt(M_TRIM_THRESHOLD, 1 << 20);
    std::signal(SIGPIPE, SIG_IGN);
    log::start(verbose ? sdk::LogLevel::debug : sdk::LogLevel::info);
    daemon::Readiness ready(ready_fd);
    auto paths = config::Paths::find();
    auto served = paths ? daemon::serve(*paths, ready) : sdk::Result<void>(std::move(paths).error());
    if (served)
        return 0;
    log::error(served.error().message);
    ready.failed(served.error());
    return 1;
}
