// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "guest/agent/guest_init.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "guest/agent/small_files.hpp"

namespace banger::agent {
namespace {

bool executable(const std::string& path)
{
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 && S_ISREG(facts.st_mode) && access(path.c_str(), X_OK) == 0;
}

/// The last part of what a path leads to.
std::string program_behind(const std::string& path)
{
    const std::unique_ptr<char, void (*)(void*)> real(realpath(path.c_str(), nullptr), &std::free);
    const std::string text = real ? real.get() : "";
    return text.substr(text.rfind('/') + 1);
}

GuestInit find_known_init(const std::string& root)
{
    const bool has_sbin_init = executable(root + "/sbin/init");
    for (const char* path : {"/usr/lib/systemd/systemd", "/lib/systemd/systemd"})
        if (executable(root + path) && (!has_sbin_init || program_behind(root + "/sbin/init") == "systemd"))
            return {"systemd", has_sbin_init ? "/sbin/init" : path};
    const bool has_openrc = executable(root + "/sbin/openrc") || executable(root + "/usr/sbin/openrc");
    if (has_openrc && has_sbin_init)
        return {"openrc", "/sbin/init"};
    // s6-overlay's /init is a script that names s6 in its first lines; s6-linux-init's /init or /sbin/init likewise.
    for (const char* path : {"/init", "/sbin/init"})
        if (executable(root + path) && small_file(root + path).substr(0, 4096).find("s6-") != std::string::npos)
            return {"s6", path};
    return {"banger", ""};
}

}  // namespace

sdk::Result<GuestInit> choose_init(const std::string& wish, const std::string& root)
{
    if (wish == "banger")
        return GuestInit{"banger", ""};
    auto known = find_known_init(root);
    if (wish == "auto" || known.kind != "banger")
        return known;
    for (const char* path : {"/sbin/init", "/init", "/etc/init", "/bin/init"})
        if (executable(root + path))
            return GuestInit{path, path};
    return sdk::make_error(sdk::Code::not_found, "the image has no init", "start it with --init banger");
}

void outlive_shutdown()
{
    const std::string directory = "/run/sendsigs.omit.d";
    make_directories(directory);
    // Without it the guest ends later, nothing else.
    [[maybe_unused]] const auto noted = replace_file(directory + "/banger", std::to_string(getpid()) + "\n", 0644);
}

bool ends_by_reboot()
{
    return boot_option("banger.off") == "reboot";
}

}  // namespace banger::agent
