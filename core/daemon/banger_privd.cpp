// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// The small root helper (docs/system.md): serves the providers that need root to one user, over a socket that systemd made.
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/program_options.hpp>
#include <csignal>
#include <iostream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"
#include "core/base/control_group.hpp"
#include "core/config/config.hpp"
#include "core/log/log.hpp"
#include "core/plugins/discover.hpp"
#include "core/privd/host_jails.hpp"
#include "core/privd/installations.hpp"
#include "core/rpc/helper.hpp"
#include "core/units/managed_scopes.hpp"

namespace banger::privd {
namespace {

namespace asio = boost::asio;
using sdk::Code;
using sdk::make_error;
using sdk::Result;

constexpr std::size_t most_connections = 64;
constexpr std::size_t most_message_bytes = 1U << 20U;
constexpr std::size_t most_requests = 4;  // a proxy makes one on each connection
constexpr std::size_t most_unread = 256;

struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

Result<User> find_user(const std::string& name)
{
    std::array<char, 16384> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr)
        return error != 0 ? sdk::os_error("look for user '" + name + "'", error)
                          : make_error(Code::not_found, "there is no user '" + name + "'");
    if (found->pw_uid == 0)
        return make_error(Code::invalid, "root needs no helper");
    return User{name, found->pw_uid, found->pw_gid};
}

// Before there is a second thread: those that come inherit it. The process itself stays root, so that the user can neither
// signal nor trace it.
Result<void> take_rights_over_files(const User& user)
{
    if (::initgroups(user.name.c_str(), user.gid) != 0)
        return sdk::os_error("take the groups of user '" + user.name + "'");
    (void)::setfsgid(user.gid);
    (void)::setfsuid(user.uid);
    // They say what was before, and not whether it worked (setfsuid(2)).
    if (static_cast<uid_t>(::setfsuid(user.uid)) != user.uid || static_cast<gid_t>(::setfsgid(user.gid)) != user.gid)
        return make_error(Code::permission, "the helper may not take a user's rights over files",
                          "it is started by systemd: banger-privd.service");
    return {};
}

// The user's, since take_rights_over_files.
std::vector<gid_t> further_groups()
{
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(::getgroups(0, nullptr), 0)));
    groups.resize(static_cast<std::size_t>(std::max(::getgroups(static_cast<int>(groups.size()), groups.data()), 0)));
    return groups;
}

Result<sdk::os::UniqueFd> socket_from_systemd()
{
    if (::sd_listen_fds(1) != 1 || ::sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, nullptr, 0) <= 0)
        return make_error(Code::precondition, "the helper was given no socket",
                          "it is started by systemd: banger-privd.socket");
    return sdk::os::UniqueFd(SD_LISTEN_FDS_START);
}

// Plugins' sections alone mean something here, and no file is no settings.
Result<std::map<std::string, config::PluginSection>> read_config(const std::string& file)
{
    if (!sdk::os::exists(file))
        return std::map<std::string, config::PluginSection>();
    if (auto trusted = plugins::check_trusted(file); !trusted)
        return std::move(trusted).error();
    auto config = config::load(file, config::read_host_facts());
    if (!config)
        return std::move(config).error();
    return std::move(config->plugins);
}

struct Options {
    std::string user;
    std::string config = rpc::helper::config_file;
    std::string plugins;
    std::string state = rpc::helper::state_directory;
};

Result<Installations::Settings> settings_of(const Options& options, const User& user)
{
    auto config = read_config(options.config);
    if (!config)
        return std::move(config).error();
    Installations::Settings settings;
    settings.plugin_directories = {options.plugins};
    settings.config = std::move(*config);
    settings.directory = options.state + "/installations";
    settings.user = user.uid;
    settings.log = [](sdk::LogLevel level, const std::string& plugin, std::string_view message) {
        log::write(level, "[" + plugin + "] " + std::string(message));
    };
    if (auto made = sdk::os::make_private_directory(settings.directory); !made)
        return std::move(made).error();
    return settings;
}

Result<void> serve(const Options& options)
{
    if (::geteuid() != 0)
        return make_error(Code::permission, "the helper must be root", "it is started by systemd: banger-privd.service");
    auto listener = socket_from_systemd();
    auto user = find_user(options.user);
    if (!listener || !user)
        return listener ? std::move(user).error() : std::move(listener).error();
    auto settings = settings_of(options, *user);
    if (!settings)
        return std::move(settings).error();
    if (auto taken = take_rights_over_files(*user); !taken)
        return taken;

    asio::io_context loop(1);  // first: what workers are at when it ends, they answer through it
    Installations installations(std::move(*settings));
    HostJails jails({user->uid, user->gid, further_groups(), std::string(rpc::helper::program_directory) + "/banger-jail"});
    units::ManagedScopes scopes;
    Service service({user->uid, base::is_of_users_session,
                     [&](const Installation& installation, const plugins::CapabilityName& wanted) {
                         return installations.provider(installation, wanted);
                     },
                     name_in_kernel, &jails, &scopes, [&] { return installations.held(); }});
    rpc::Server server(loop, std::move(*listener), [&](const auto& exchange) { service.handle(exchange); },
                       {user->uid, most_connections, most_message_bytes, most_requests, most_unread,
                        rpc::MessageReader::Descriptors::refused});
    asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code& error, int) {
        if (error)
            return;
        service.stop();
        loop.stop();
    });
    log::info("serves user '" + user->name + "'");
    loop.run();
    return {};
}

}  // namespace
}  // namespace banger::privd

int main(int argc, char** argv)
{
    using namespace banger;
    namespace options = boost::program_options;
    privd::Options given;
    options::options_description known("banger-privd, the root helper; systemd starts it: `banger system install`");
    known.add_options()("help", "show this")                                                                     //
        ("user", options::value(&given.user)->required(), "name of the only user who is served")                   //
        ("plugins", options::value(&given.plugins)->required(), "directory of the plugins, root's alone")          //
        ("config", options::value(&given.config), "their settings, root's alone")                                  //
        ("state", options::value(&given.state), "directory of its own");
    try {
        options::variables_map found;
        options::store(options::parse_command_line(argc, argv, known), found);
        if (found.count("help") > 0) {
            std::cout << known << "\n";
            return 0;
        }
        options::notify(found);
    } catch (const options::error& error) {
        std::cerr << "banger-privd: " << error.what() << "\n";
        return 2;
    }
    ::umask(0077);
    ::mallopt(M_ARENA_MAX, 2);  // as bangerd: an arena for each thread would keep its peak for ever
    std::signal(SIGPIPE, SIG_IGN);
    log::start(sdk::LogLevel::info);
    const auto served = privd::serve(given);
    if (served)
        return 0;
    log::error(served.error().message + (served.error().hint.empty() ? "" : " (" + served.error().hint + ")"));
    return 1;
}
