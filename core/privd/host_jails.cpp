// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/privd/host_jails.hpp"

#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "core/privd/jail_order.hpp"
#include "core/units/service_manager.hpp"

namespace banger::privd {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace os = sdk::os;

constexpr std::chrono::seconds longest_start{30};
constexpr std::size_t longest_answer = 65536;
constexpr std::uint64_t most_descriptors = 2048;  // of a program, as Firecracker's own jailer has it
// To make namespaces and mounts, and to become the user: of the first process alone.
constexpr std::uint64_t capabilities =
    (1ULL << CAP_SYS_ADMIN) | (1ULL << CAP_SETUID) | (1ULL << CAP_SETGID);

// Those alone that it was given, whoever makes which node in there.
std::vector<std::string> devices_of(const std::vector<sdk::JailedFile>& files)
{
    std::vector<std::string> devices;
    for (const auto& file : files) {
        struct stat status {};
        if (::stat(file.source.c_str(), &status) != 0 || !(S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)))
            continue;
        devices.push_back(std::string(S_ISCHR(status.st_mode) ? "/dev/char/" : "/dev/block/") +
                          std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev)));
    }
    return devices;
}

Result<std::string> read_answer(int socket, const sdk::Call& call)
{
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    std::string text;
    std::array<char, 4096> piece{};
    while (!text.ends_with('\n') && text.size() < longest_answer) {
        if (auto ready = os::wait_readable(socket, call.cancel_descriptor(), deadline); !ready)
            return std::move(ready).error();
        const ssize_t got = ::read(socket, piece.data(), piece.size());
        if (got <= 0)
            return make_error(Code::unavailable, "the jail ended before it said anything",
                              "`journalctl -u 'banger-jail-*'` may say why");
        text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
}

Result<os::ProcessId> process_in(const std::string& answer)
{
    auto said = json::parse_object(answer, "what a jail says");
    if (!said)
        return std::move(said).error();
    if (const json::Value* error = json::find(*said, "error"); error != nullptr)
        return json::to_error(*error);
    auto id = os::identify(static_cast<pid_t>(json::uint_or(*said, "pid")));
    if (!id && id.error().code == Code::not_found)
        return make_error(Code::unavailable, "what was started in a jail ended at once");
    return id;
}

}  // namespace

Result<void> HostJails::probe(sdk::Call& /*call*/)
{
    {
        const os::OwnRights rights;
        if (::access(settings_.program.c_str(), X_OK) != 0)
            return make_error(Code::unavailable, "the root helper has no " + settings_.program,
                              "have it installed again: `sudo banger system install`");
    }
    auto manager = units::ServiceManager::connect();
    return manager ? Result<void>() : Result<void>(std::move(manager).error());
}

Result<os::ProcessId> HostJails::start(const sdk::JailSpec& spec, sdk::Call& call)
{
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return sdk::os_error("make a socket");
    const os::UniqueFd ours(ends[0]);
    os::UniqueFd theirs(ends[1]);
    auto manager = units::ServiceManager::connect();
    if (!manager)
        return std::move(manager).error();
    const std::string name = "banger-jail-" + spec.owner.instance + "-" + spec.owner.vm;
    units::TransientService service;
    // One that is ending may still have the name of the VM's last.
    service.name = name + "-" + std::to_string(::getpid()) + "-" + std::to_string(++started_) + ".service";
    service.description = "banger's machine " + spec.owner.vm + ", jailed";
    service.argv = {settings_.program};
    service.devices = devices_of(spec.files);
    service.families = {"AF_UNIX"};
    service.capabilities = capabilities;
    service.most_descriptors = most_descriptors;
    service.input = std::move(theirs);
    if (auto started = manager->start_service(std::move(service)); !started)
        return std::move(started).error();
    const JailOrder order{settings_.user, settings_.group, settings_.groups, spec};
    if (auto sent = os::write_all(ours.get(), encode(order).text() + "\n"); !sent)
        return make_error(Code::unavailable, "the jail ended before it was told what to start",
                          "`journalctl -u '" + name + "*'` may say why");
    auto answer = read_answer(ours.get(), call);
    return answer ? process_in(*answer) : std::move(answer).error();
}

}  // namespace banger::privd
