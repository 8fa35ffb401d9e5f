// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/system/setup.hpp"

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <set>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "cli/own_program.hpp"
#include "cli/system/units.hpp"
#include "core/rpc/client.hpp"
#include "core/rpc/helper.hpp"

namespace banger::cli::setup {
namespace {

using sdk::Code;
using sdk::make_error;
using sdk::Result;
namespace helper = rpc::helper;
namespace os = sdk::os;

constexpr std::string_view sidecar_ending = ".plugin.json";
constexpr mode_t program_mode = 0755;
constexpr mode_t file_mode = 0644;
constexpr std::time_t patience_s = 60;  // with a helper that takes up what it holds first
constexpr std::size_t most_bytes = 512U << 20U;  // of a program, with what debuggers read in it

std::string directory_of(const std::string& path)
{
    return path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
}

std::string unit_file(const std::string& kind)
{
    return "/etc/systemd/system/" + std::string(helper::unit) + kind;
}

std::string plugin_directory()
{
    return std::string(helper::program_directory) + "/plugins";
}

// Whoever can change a directory can change what root runs from it. What is not there yet will be ours.
Result<void> check_place(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return errno == ENOENT ? check_place(directory_of(path)) : Result<void>(sdk::os_error("look at " + path));
    if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return make_error(Code::permission, "the helper cannot be installed below " + path + ": others than root can change it",
                          "`chown root " + path + "` and `chmod go-w " + path + "`");
    return path == "/" ? Result<void>() : check_place(directory_of(path));
}

// The same as in a build tree and under a prefix, as for bangerd (daemon_process.cpp).
struct Sources {
    std::string programs;
    std::string plugins;
};
Result<Sources> find_sources()
{
    auto own = own_program();
    if (!own)
        return std::move(own).error();
    const std::string here = directory_of(*own);
    for (const auto& [programs, plugins] :
         {std::pair(here, here + "/../lib/banger/plugins"),
          std::pair(here + "/" BANGER_LIBEXEC_FROM_BIN, here + "/" BANGER_PLUGINS_FROM_BIN)})
        if (::access((programs + "/banger-privd").c_str(), X_OK) == 0)
            return Sources{programs, plugins};
    return make_error(Code::not_found, "there is no banger-privd beside " + *own, "install banger again");
}

Result<void> copy(const std::string& from, const std::string& to, mode_t mode)
{
    auto content = os::read_file(from, most_bytes);
    if (!content)
        return std::move(content).error();
    return os::write_file_atomic(to, *content, mode);
}

bool needs_root(const std::string& sidecar)
{
    const auto text = os::read_file(sidecar);
    const auto document = text ? json::parse_object(*text, sidecar) : text.error();
    return document && json::bool_or(*document, "needs_root");
}

// What an older banger brought and this one does not is not to be loaded any more.
Result<void> remove_plugins_but(const std::set<std::string>& wanted)
{
    const auto names = os::list_directory(plugin_directory());
    if (!names)
        return names.error();
    for (const auto& name : *names)
        if (wanted.count(name) == 0)
            if (auto removed = os::remove_tree(plugin_directory() + "/" + name); !removed)
                return removed;
    return {};
}

Result<void> copy_plugins(const std::string& from)
{
    const auto names = os::list_directory(from);
    if (!names)
        return names.error();
    std::set<std::string> copies;
    for (const auto& name : *names) {
        if (!name.ends_with(sidecar_ending) || !needs_root(from + "/" + name))
            continue;
        const std::string library = name.substr(0, name.size() - sidecar_ending.size()) + ".so";
        for (const auto& [file, mode] : {std::pair(name, file_mode), std::pair(library, program_mode)}) {
            if (auto copied = copy(from + "/" + file, plugin_directory() + "/" + file, mode); !copied)
                return copied;
            copies.insert(file);
        }
    }
    return remove_plugins_but(copies);
}

constexpr std::string_view config_text =
    "# Settings of the plugins that banger's root helper loads, as in a config.toml of banger's. What stands there of these\n"
    "# plugins means nothing on this host. `banger system restart` reads them again.\n"
    "#\n"
    "# [plugin.net-tap]\n"
    "# subnet = \"172.16.0.0/24\"\n";

}  // namespace

Result<void> check_host()
{
    if (::geteuid() != 0)
        return make_error(Code::permission, "only root can do that", "run it with sudo");
    if (!os::exists("/run/systemd/system"))
        return make_error(Code::unsupported, "systemd does not run this host, and the helper is a service of its",
                          "run banger as root: its daemon needs no helper then");
    return {};
}

Result<void> check_owner(const std::string& owner)
{
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const int error = ::getpwnam_r(owner.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr)
        return error != 0 ? Result<void>(sdk::os_error("look for user '" + owner + "'", error))
                          : make_error(Code::not_found, "there is no user '" + owner + "'");
    if (found->pw_uid == 0)
        return make_error(Code::invalid, "root needs no helper", "name the ordinary user who runs banger");
    return {};
}

std::optional<std::string> installed_for()
{
    const auto text = os::read_file(unit_file(".socket"));
    return text ? owner_in(*text) : std::nullopt;
}

Result<void> copy_files()
{
    auto sources = find_sources();
    if (!sources)
        return std::move(sources).error();
    ::umask(022);
    if (auto safe = check_place(plugin_directory()); !safe)
        return safe;
    if (auto made = os::make_directories(plugin_directory()); !made)
        return made;
    for (const std::string program : {"/banger-privd", "/banger-jail"})
        if (auto copied = copy(sources->programs + program, helper::program_directory + program, program_mode); !copied)
            return copied;
    if (auto copied = copy_plugins(sources->plugins); !copied)
        return copied;
    if (os::exists(helper::config_file))
        return {};
    if (auto made = os::make_directories(directory_of(helper::config_file)); !made)
        return made;
    return os::write_file_atomic(helper::config_file, config_text, file_mode);
}

Result<void> remove_files()
{
    return os::remove_tree(helper::program_directory);
}

Result<void> remove_state()
{
    for (const char* path : {helper::state_directory, helper::config_file})
        if (auto removed = os::remove_tree(path); !removed)
            return removed;
    (void)::rmdir(directory_of(helper::config_file).c_str());  // unless there is something of somebody else's
    return {};
}

Result<void> write_units(const std::string& owner)
{
    ::umask(022);
    if (auto wrote = os::write_file_atomic(unit_file(".socket"), socket_unit(owner), file_mode); !wrote)
        return wrote;
    if (auto wrote = os::write_file_atomic(unit_file(".service"), service_unit(owner), file_mode); !wrote)
        return wrote;
    return systemctl({"daemon-reload"});
}

Result<void> remove_units()
{
    for (const char* kind : {".socket", ".service"})
        if (auto removed = os::remove_file(unit_file(kind)); !removed)
            return removed;
    return systemctl({"daemon-reload"});
}

Result<void> systemctl(const std::vector<std::string>& arguments)
{
    os::Command command;
    command.argv = {"systemctl", "--quiet"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    auto ran = os::run_checked(command);
    return ran ? Result<void>() : std::move(ran).error();
}

bool systemd_says(const std::string& question, const std::string& unit)
{
    os::Command command;
    command.argv = {"systemctl", "--quiet", question, unit};
    const auto ran = os::run(command);
    return ran && ran->status == 0;
}

Result<json::Document> ask_status()
{
    auto socket = os::try_connect_unix(helper::socket);
    if (!socket)
        return make_error(Code::unavailable, "the helper does not answer: " + socket.error().message,
                          "`systemctl status banger-privd.socket` says more");
    auto client = rpc::Client::over(std::move(*socket),
                                    make_error(Code::unavailable, "the helper does not start, or went away",
                                               "`journalctl -u banger-privd` says why"));
    json::Object params;
    params.set("protocol", helper::protocol_version);
    const os::UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    const itimerspec deadline{{}, {patience_s, 0}};
    if (!timer || ::timerfd_settime(timer.get(), 0, &deadline, nullptr) != 0)
        return sdk::os_error("set a timer");
    bool late = false;
    rpc::CallHooks hooks;
    hooks.interrupt = timer.get();
    hooks.on_interrupt = [&] {
        late = true;
        (void)::shutdown(client.descriptor(), SHUT_RDWR);  // which ends the call
        return false;
    };
    auto reply = client.call(helper::status_method, params, hooks);
    if (!reply && late)
        return make_error(Code::timed_out, "the helper did not answer within " + std::to_string(patience_s) + " s",
                          "`journalctl -u banger-privd` may say why");
    if (!reply)
        return std::move(reply).error();
    return std::move(reply->result);
}

}  // namespace banger::cli::setup
