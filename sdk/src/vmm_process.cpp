// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "banger/sdk/vmm_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <functional>

#include "banger/sdk/os/file.hpp"

namespace banger::sdk {
namespace {

constexpr std::string_view kind = "vmm/0";
constexpr std::string_view key = "process";
constexpr std::chrono::seconds longest_end{10};

template <typename Number>
std::optional<Number> number_of(const Fields& fields, const std::string& name)
{
    const auto found = fields.find(name);
    if (found == fields.end())
        return std::nullopt;
    const std::string& text = found->second;
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<os::ProcessId> bound_process(const Handle& handle)
{
    const auto pid = number_of<pid_t>(handle.bound, "pid");
    const auto start_time = number_of<std::uint64_t>(handle.bound, "start_time");
    if (!pid || !start_time || *pid <= 0)
        return std::nullopt;
    return os::ProcessId{*pid, *start_time};
}

bool runs_as_us(pid_t pid)
{
    struct stat status {};
    return ::stat(("/proc/" + std::to_string(pid)).c_str(), &status) == 0 && status.st_uid == ::geteuid();
}

std::optional<os::ProcessId> listener_on(const std::string& path)
{
    const auto socket = os::try_connect_unix(path);
    if (!socket)
        return std::nullopt;
    const auto peer = os::peer_of(socket->get());
    if (!peer)
        return std::nullopt;
    const auto id = os::identify(peer->pid);
    return id ? std::optional(*id) : std::nullopt;
}

std::vector<os::ProcessId> as_list(const std::optional<os::ProcessId>& id)
{
    return id ? std::vector{*id} : std::vector<os::ProcessId>();
}

Result<void> remove_sockets(const Owner& owner)
{
    auto api = os::remove_file(owner.directory + "/" + api_socket_name);
    auto agent = os::remove_file(owner.directory + "/" + agent_socket_name);
    return api ? agent : api;
}

std::string last_lines(const std::string& path, std::size_t most)
{
    std::string text = os::read_file(path).value_or({});
    const auto end = text.find_last_not_of(" \r\n\t");
    text.resize(end == std::string::npos ? 0 : end + 1);
    if (text.size() > most)
        text.erase(0, text.size() - most);
    return text;
}

}  // namespace

std::string VmmProcess::name_of(const Owner& owner)
{
    return "banger-" + owner.instance + "-" + owner.vm;
}

Handle VmmProcess::planned(const Owner& owner) const
{
    return Handle{std::string(kind), provider_, std::string(key), owner, {}};
}

Handle VmmProcess::bound(const Owner& owner, const os::ProcessId& id) const
{
    Handle handle = planned(owner);
    handle.bound = {{"pid", std::to_string(id.pid)}, {"start_time", std::to_string(id.start_time)}};
    return handle;
}

std::optional<std::string> VmmProcess::name_in(const std::vector<std::string>& arguments) const
{
    const auto option = std::find(arguments.begin(), arguments.end(), name_option_);
    if (option == arguments.end() || option + 1 == arguments.end())
        return std::nullopt;
    return (option + 1)->substr(0, (option + 1)->find(','));
}

Result<bool> VmmProcess::is_ours(const os::ProcessId& id, const std::string& name) const
{
    auto arguments = os::arguments_of(id.pid);
    // The start time is asked last: what was read before it belonged to this process.
    auto now = os::identify(id.pid);
    if (!arguments || !now) {
        auto& error = arguments ? now.error() : arguments.error();
        const bool is_another = error.code == Code::not_found || error.code == Code::permission;
        return is_another ? Result<bool>(false) : Result<bool>(std::move(error));
    }
    return name_in(*arguments) == name && runs_as_us(id.pid) && now->start_time == id.start_time;
}

Result<std::optional<os::ProcessId>> VmmProcess::find(const Handle& handle) const
{
    using Candidates = Result<std::vector<os::ProcessId>>;
    const std::string name = name_of(handle.owner);
    const auto noted = [&] { return Candidates(as_list(bound_process(handle))); };
    const auto listening = [&] {
        return Candidates(as_list(listener_on(handle.owner.directory + "/" + api_socket_name)));
    };
    // Its socket may be unlinked, or not yet its own.
    const auto named = [&] {
        return os::find_processes(
            [&](const std::vector<std::string>& arguments) { return name_in(arguments) == name; });
    };
    for (const auto& look : {std::function<Candidates()>(noted), {listening}, {named}}) {
        auto candidates = look();
        if (!candidates)
            return std::move(candidates).error().while_doing("look for the VMM of VM " + handle.owner.vm);
        for (const auto& id : *candidates) {
            auto ours = is_ours(id, name);
            if (!ours)
                return std::move(ours).error().while_doing("look for the VMM of VM " + handle.owner.vm);
            if (*ours)
                return std::optional(id);
        }
    }
    return std::optional<os::ProcessId>();
}

Result<Inspection> VmmProcess::inspect(const Handle& handle) const
{
    auto id = find(handle);
    if (!id)
        return std::move(id).error();
    if (!*id)
        return Inspection{};
    return Inspection{true, bound(handle.owner, **id).bound};
}

Result<std::vector<Handle>> VmmProcess::list(const Host& host) const
{
    const std::string prefix = "banger-" + host.instance() + "-";
    auto found = os::find_processes([&](const std::vector<std::string>& arguments) {
        const auto name = name_in(arguments);
        return name && name->starts_with(prefix);
    });
    if (!found)
        return std::move(found).error();
    std::vector<Handle> handles;
    for (const auto& id : *found) {
        const auto name = name_in(os::arguments_of(id.pid).value_or({}));  // without any, it has just ended
        if (!name || !name->starts_with(prefix))
            continue;
        auto ours = is_ours(id, *name);
        if (!ours)
            return std::move(ours).error();
        const std::string vm = name->substr(prefix.size());
        if (*ours)
            handles.push_back(bound({host.instance(), vm, host.vms_directory() + "/" + vm}, id));
    }
    return handles;
}

Result<void> VmmProcess::kill(const Handle& handle, int signal) const
{
    auto id = find(handle);
    if (!id)
        return std::move(id).error();
    if (!*id)
        return make_error(Code::not_found, "the VMM of VM " + handle.owner.vm + " does not run");
    return os::send_signal(**id, signal);
}

Result<void> VmmProcess::release(const Handle& handle) const
{
    const auto failed = [&](Error error) {
        return std::move(error).while_doing("end the VMM of VM " + handle.owner.vm);
    };
    for (;;) {
        auto id = find(handle);
        if (!id)
            return failed(std::move(id).error());
        if (!*id)
            break;
        if (auto ended = os::kill_and_wait(**id, SIGKILL, longest_end); !ended)
            return failed(std::move(ended).error());
    }
    // A process that is just dying shows no arguments any more, but holds its disks until its last thread is gone.
    if (const auto id = bound_process(handle); id && os::arguments_of(id->pid).value_or({}).empty())
        if (auto gone = os::kill_and_wait(*id, 0, longest_end); !gone)
            return failed(std::move(gone).error());
    return remove_sockets(handle.owner);
}

Result<VmmLaunch> VmmLaunch::begin(const VmmProcess& process, const Owner& owner)
{
    auto living = process.find(process.planned(owner));
    if (!living)
        return std::move(living).error();
    if (*living)
        return make_error(Code::exists,
                          "VM " + owner.vm + " already has a VMM, process " + std::to_string((*living)->pid));
    return VmmLaunch(process, owner);
}

Result<VmmLaunch> VmmLaunch::prepare(const VmmProcess& process, const Owner& owner, bool with_agent_channel)
{
    auto launch = begin(process, owner);
    if (!launch)
        return launch;
    auto api = os::listen_unix(launch->api_path());
    if (!api)
        return std::move(api).error();
    launch->sockets_.api = std::move(*api);
    if (with_agent_channel) {
        auto agent = os::listen_unix(owner.directory + "/" + agent_socket_name);
        if (!agent)
            return std::move(agent).error();
        launch->sockets_.agent = std::move(*agent);
    }
    return launch;
}

Result<VmmLaunch> VmmLaunch::prepare_without_sockets(const VmmProcess& process, const Owner& owner)
{
    auto launch = begin(process, owner);
    if (launch)
        if (auto removed = remove_sockets(owner); !removed)
            return std::move(removed).error();
    return launch;
}

Result<VmmLaunch> VmmLaunch::prepare_below(const VmmProcess& process, const Owner& owner, const std::string& name)
{
    auto launch = prepare_without_sockets(process, owner);
    if (!launch)
        return launch;
    launch->socket_directory_ = owner.directory + "/" + name;
    if (auto removed = os::remove_tree(launch->socket_directory_); !removed)
        return std::move(removed).error();
    if (auto made = os::make_private_directory(launch->socket_directory_); !made)
        return std::move(made).error();
    for (const char* socket : {api_socket_name, agent_socket_name}) {
        if (::symlink((name + "/" + socket).c_str(), (owner.directory + "/" + socket).c_str()) != 0)
            return os_error("link to " + launch->socket_directory_ + "/" + socket);
    }
    return launch;
}

VmmLaunch::VmmLaunch(VmmLaunch&& other) noexcept
    : process_(other.process_),
      owner_(std::move(other.owner_)),
      socket_directory_(std::move(other.socket_directory_)),
      sockets_(std::move(other.sockets_)),
      patience_(other.patience_),
      program_(std::move(other.program_)),
      log_path_(std::move(other.log_path_)),
      id_(other.id_),
      spawned_(other.spawned_),
      armed_(std::exchange(other.armed_, false))
{
}

VmmLaunch::~VmmLaunch()
{
    if (!armed_)
        return;
    // Nobody can be told here; what would not go is found again by inspect and list.
    if (id_)
        (void)os::kill_and_wait(*id_, SIGKILL, longest_end);
    else if (spawned_)
        (void)process_->release(process_->planned(owner_));
    (void)remove_sockets(owner_);
}

Result<os::UniqueFd> VmmLaunch::start(os::Command command, const std::string& log_name, Call& call, const Spawn& spawn)
{
    program_ = command.argv.empty() ? std::string() : command.argv.front();
    log_path_ = owner_.directory + "/" + log_name;
    auto log = os::open_file(log_path_, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW);
    if (!log)
        return std::move(log).error();
    const bool makes_its_sockets = !sockets_.api;
    os::UniqueFd directory_watch;
    Result<os::UniqueFd> connection = os::UniqueFd();
    if (makes_its_sockets) {
        command.umask = 0177;  // sockets are made with all rights but these
        directory_watch.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        if (::inotify_add_watch(directory_watch.get(), socket_directory_.c_str(), IN_CREATE | IN_MOVED_TO) < 0)
            return os_error("watch " + socket_directory_);
    } else {
        connection = os::try_connect_unix(api_path());
        if (!connection)
            return connection;
    }
    command.directory = owner_.directory;
    if (command.out < 0)
        command.out = log->get();
    command.err = log->get();
    spawned_ = true;
    auto id = spawn(command);
    // From here on only the VMM holds its sockets, so our connection ends when it does.
    sockets_ = {};
    if (!id)
        return explain(std::move(id).error());
    id_ = *id;
    return makes_its_sockets ? wait_until_it_listens(directory_watch.get(), call) : std::move(connection);
}

Result<os::UniqueFd> VmmLaunch::wait_until_it_listens(int directory_watch, Call& call) const
{
    constexpr std::chrono::milliseconds until_it_listens{2};  // nothing tells of that moment once the file is there
    const auto ended = [&] { return explain(make_error(Code::unavailable, program_ + " ended")); };
    auto process = os::watch_process(*id_);
    if (!process)
        return process.error().code == Code::not_found ? ended() : std::move(process).error();
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
        auto connection = os::try_connect_unix(api_path());
        const auto code = connection ? Code::internal : connection.error().code;
        if (connection || (code != Code::not_found && code != Code::unavailable))
            return connection;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0)
            return explain(make_error(Code::timed_out, program_ + " lives and does not serve its API within " +
                                                        std::to_string(patience_.count()) + " ms"));
        std::array<pollfd, 3> watch{
            {{process->get(), POLLIN, 0}, {call.cancel_descriptor(), POLLIN, 0}, {directory_watch, POLLIN, 0}}};
        ::poll(watch.data(), watch.size(),
               static_cast<int>((code == Code::unavailable ? std::min(until_it_listens, left) : left).count()));
        if (watch[0].revents != 0)
            return ended();
        if (call.cancelled())
            return make_error(Code::cancelled, "cancelled");
        std::array<char, 4096> events;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        while (::read(directory_watch, events.data(), events.size()) > 0) {
        }
    }
}

Error VmmLaunch::explain(Error error) const
{
    if (error.code == Code::cancelled)
        return error;
    if (const auto log = log_path_.empty() ? std::string() : last_lines(log_path_, 600); !log.empty())
        error.message += ": " + log;
    return error;
}

Handle VmmLaunch::keep()
{
    armed_ = false;
    return process_->bound(owner_, *id_);
}

}  // namespace banger::sdk
