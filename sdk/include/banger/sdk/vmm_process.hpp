// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "banger/sdk/host.hpp"
#include "banger/sdk/os/fd.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::sdk {

/// The sockets a VMM serves in its working directory, which is the VM's own.
inline constexpr const char* api_socket_name = "api.sock";
inline constexpr const char* agent_socket_name = "agent.sock";

/// What every vmm/0 provider does alike: it names its process so that a later daemon finds it, tells it apart from
/// everybody else's, and ends it.
///
/// The VMM carries the name `banger-<instance>-<vm>` in the argument after `name_option` (alone, or before a comma). A
/// process is the VMM of a handle only if it carries that name, runs as our user, and is no later process with a pid
/// that was noted: a pid alone is a hint and never enough to signal anybody.
///
/// Threads: const and without state, so any number.
class VmmProcess {
public:
    VmmProcess(std::string provider, std::string name_option)
        : provider_(std::move(provider)), name_option_(std::move(name_option))
    {
    }

    [[nodiscard]] static std::string name_of(const Owner& owner);

    [[nodiscard]] Handle planned(const Owner& owner) const;
    [[nodiscard]] Handle bound(const Owner& owner, const os::ProcessId& id) const;

    /// The living VMM of this handle: the bound one if it lives, else whoever listens on the VM's API socket, else
    /// whoever carries the name in its arguments. An error if that cannot be told, which is no sign that none lives.
    [[nodiscard]] Result<std::optional<os::ProcessId>> find(const Handle& handle) const;

    /// Vmm::inspect, list, kill and release.
    [[nodiscard]] Result<Inspection> inspect(const Handle& handle) const;
    [[nodiscard]] Result<std::vector<Handle>> list(const Host& host) const;
    [[nodiscard]] Result<void> kill(const Handle& handle, int signal) const;
    [[nodiscard]] Result<void> release(const Handle& handle) const;

private:
    [[nodiscard]] std::optional<std::string> name_in(const std::vector<std::string>& arguments) const;
    [[nodiscard]] Result<bool> is_ours(const os::ProcessId& id, const std::string& name) const;

    std::string provider_;
    std::string name_option_;
};

/// A VMM between the making of its sockets and the moment it is known to run. Unless it is kept, it is ended and its
/// sockets are removed, so an attach that fails at any point leaves nothing but the log.
///
/// Where the VMM can take them, the sockets are made here and handed over as descriptors: there is no moment at which
/// others could connect, no file to wait for, and no limit to a path's length. The VMM must call listen(2) on them once
/// more, which makes SO_PEERCRED name it and not us (unix(7): the credentials are those at the time of listen).
class VmmLaunch {
public:
    struct Sockets {
        os::UniqueFd api;
        os::UniqueFd agent;  ///< empty for a VMM without an agent channel
    };

    /// Makes the sockets. `exists` if the VM's VMM lives already.
    static Result<VmmLaunch> prepare(const VmmProcess& process, const Owner& owner, bool with_agent_channel);

    /// For a VMM that makes both sockets itself, by their names in its working directory: only removes old ones, which
    /// would be in its way. `exists` as above.
    static Result<VmmLaunch> prepare_without_sockets(const VmmProcess& process, const Owner& owner);

    /// The same for one that makes them in a directory of that name in the VM's, which is made anew: links in the VM's lead
    /// there. The directory is the caller's to remove.
    static Result<VmmLaunch> prepare_below(const VmmProcess& process, const Owner& owner, const std::string& name);

    VmmLaunch(VmmLaunch&& other) noexcept;
    VmmLaunch& operator=(VmmLaunch&&) = delete;
    VmmLaunch(const VmmLaunch&) = delete;
    VmmLaunch& operator=(const VmmLaunch&) = delete;
    ~VmmLaunch();

    /// The listening sockets, for the command's descriptors. Closed here once the VMM has them.
    [[nodiscard]] const Sockets& sockets() const { return sockets_; }

    /// The most that `start` waits for sockets; 60 s unless set.
    void wait_at_most(std::chrono::milliseconds patience) { patience_ = patience; }

    /// What makes a process of a command; it outlives us. os::spawn_detached, or a jail.
    using Spawn = std::function<Result<os::ProcessId>(const os::Command& command)>;

    /// Starts the VMM in the VM's directory, its output in `log_name` there, but for a standard output that the command
    /// has already, and returns a connection to its API, which comes to its end if the VMM ends. One that makes its
    /// sockets itself is waited for: `unavailable` if it ends before, `timed_out` if it takes longer than wait_at_most says.
    Result<os::UniqueFd> start(os::Command command, const std::string& log_name, Call& call,
                               const Spawn& spawn = os::spawn_detached);

    /// What happened, as the person should read it: `error`, and the last lines of the log if the VMM ended by itself.
    [[nodiscard]] Error explain(Error error) const;

    /// It runs: from here on it is the journal's.
    [[nodiscard]] Handle keep();

private:
    VmmLaunch(const VmmProcess& process, Owner owner)
        : process_(&process), owner_(std::move(owner)), socket_directory_(owner_.directory)
    {
    }
    static Result<VmmLaunch> begin(const VmmProcess& process, const Owner& owner);
    [[nodiscard]] std::string api_path() const { return owner_.directory + "/" + api_socket_name; }
    Result<os::UniqueFd> wait_until_it_listens(int directory_watch, Call& call) const;

    const VmmProcess* process_;
    Owner owner_;
    std::string socket_directory_;  ///< where the VMM makes them
    Sockets sockets_;
    std::chrono::milliseconds patience_ = std::chrono::minutes(1);
    std::string program_;
    std::string log_path_;
    std::optional<os::ProcessId> id_;
    bool spawned_ = false;  ///< there may be a process, also without an id
    bool armed_ = true;  ///< clean up on destruction
};

}  // namespace banger::sdk
