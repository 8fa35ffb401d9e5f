// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/ssh_config.hpp"

#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/reach.hpp"
#include "cli/own_program.hpp"

namespace banger::cli {
namespace {

struct Facts {
    std::string instance;
    std::string settings_file;
    std::string settings;
};

sdk::Result<Facts> ask(Context& context)
{
    auto session = context.daemon();
    if (!session)
        return std::move(session).error();
    auto daemon = (*session)->call("daemon.status", json::Object());
    if (!daemon)
        return std::move(daemon).error();
    auto key = (*session)->call("ssh.key", json::Object());
    if (!key)
        return std::move(key).error();
    auto names = (*session)->call("dns.status", json::Object());
    if (!names)
        return std::move(names).error();
    auto program = own_program();
    if (!program)
        return std::move(program).error();
    return Facts{json::string_or(daemon->result, "instance"), json::string_or(daemon->result, "home") + "/ssh/config",
                 ssh_settings(*program, json::string_or(names->result, "zone"), json::string_or(key->result, "identity"))};
}

sdk::Result<std::string> users_file()
{
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    if (home == nullptr || *home != '/')
        return sdk::make_error(sdk::Code::precondition, "HOME does not say where your ssh settings are");
    return std::string(home) + "/.ssh/config";
}

sdk::Result<void> install(const Facts& facts, const std::string& file)
{
    for (const auto& directory : {facts.settings_file.substr(0, facts.settings_file.rfind('/')),
                                  file.substr(0, file.rfind('/'))})
        if (!sdk::os::exists(directory))
            if (auto made = sdk::os::make_private_directory(directory); !made)
                return made;
    if (auto wrote = sdk::os::write_file_atomic(facts.settings_file, facts.settings); !wrote)
        return wrote;
    return include_in(file, facts.settings_file, facts.instance);
}

}  // namespace

Syntax SshConfig::syntax()
{
    Syntax syntax;
    syntax.path = "ssh-config";
    syntax.summary = "settings with which ssh, scp, rsync, git and editors reach machines by name";
    syntax.description =
        "Prints them. --install puts one Include in front of your ~/.ssh/config and changes nothing else in it. No machine "
        "is named in the settings: they hold for all that there will be, and need no resolver and no port.";
    syntax.options = {{"install", 0, "", "include them in ~/.ssh/config", {}, false},
                      {"uninstall", 0, "", "take the Include out again", {}, false}};
    syntax.examples = {{"banger ssh-config --install", "then `ssh web.vm`, `scp FILE web.vm:`, `git clone web.vm:repo`"},
                       {"banger ssh-config >~/.ssh/banger", "to include it yourself"}};
    return syntax;
}

sdk::Result<SshConfig> SshConfig::parse(const Arguments& arguments)
{
    if (arguments.has("install") && arguments.has("uninstall"))
        return sdk::make_error(sdk::Code::invalid, "--install and --uninstall exclude each other",
                               "see `banger ssh-config --help`");
    return SshConfig{arguments.has("install"), arguments.has("uninstall")};
}

sdk::Result<Exit> run(const SshConfig& verb, Context& context)
{
    auto facts = ask(context);
    if (!facts)
        return std::move(facts).error();
    if (!verb.install && !verb.uninstall) {
        json::Object result;
        result.set("settings", facts->settings);
        return context.show(result.value(), [&] { return facts->settings; });
    }
    auto file = users_file();
    if (!file)
        return std::move(file).error();
    if (auto changed = verb.install ? install(*facts, *file) : exclude_from(*file, facts->instance); !changed)
        return std::move(changed).error();
    context.note(*file + (verb.install ? " includes them now" : " does not include them"));
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
