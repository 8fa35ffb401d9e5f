// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/ssh_config.hpp"

#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "cli/commands/reach.hpp"
#include "cli/installation.hpp"
#include "cli/own_program.hpp"

namespace banger::cli {
namespace {

struct Settings {
    std::string instance;
    std::string file;  ///< what is included
    std::string text;
};

std::string settings_file(const Installation& installation)
{
    return installation.state + "/ssh/config";
}

sdk::Result<Settings> find_settings(Context& context)
{
    auto found = find_installation(context);
    if (!found)
        return std::move(found).error();
    auto key = context.session()->call("ssh.key", json::Object());
    if (!key)
        return std::move(key).error();
    auto program = own_program();
    if (!program)
        return std::move(program).error();
    return Settings{found->instance, settings_file(*found),
                    ssh_settings(*program, found->names.zone, json::string_or(key->result, "identity"))};
}

sdk::Result<std::string> users_file()
{
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): the environment is never changed
    if (home == nullptr || *home != '/')
        return sdk::make_error(sdk::Code::precondition, "HOME does not say where your ssh settings are");
    return std::string(home) + "/.ssh/config";
}

sdk::Result<void> install(const Settings& settings, const std::string& file)
{
    for (const auto& directory : {settings.file.substr(0, settings.file.rfind('/')),
                                  file.substr(0, file.rfind('/'))})
        if (!sdk::os::exists(directory))
            if (auto made = sdk::os::make_private_directory(directory); !made)
                return made;
    if (auto wrote = sdk::os::write_file_atomic(settings.file, settings.text); !wrote)
        return wrote;
    return include_in(file, settings.file, settings.instance);
}

sdk::Result<Exit> uninstall(const std::string& file, Context& context)
{
    auto found = installation_on_disk();
    if (!found)
        return std::move(found).error();
    sdk::Result<bool> excluded(false);
    if (*found) {
        excluded = exclude_from(file, (*found)->instance);
        if (!excluded)
            return std::move(excluded).error();
        if (auto removed = sdk::os::remove_file(settings_file(**found)); !removed)
            return std::move(removed).error();
    }
    context.note(file + (*excluded ? " does not include them any more" : " does not include them"));
    return Exit(OwnExit::done);
}

/// ssh takes of each setting the first, and ours are in front.
sdk::Result<void> note_others(const Settings& settings, const std::string& file, Context& context)
{
    auto others = others_included_in(file, settings.instance);
    if (!others)
        return std::move(others).error();
    for (const auto& other : *others)
        context.note("the machines of banger " + other + " are included there, too: where its names are below the same domain, ssh "
                     "takes them for this installation's");
    return {};
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
    auto file = verb.install || verb.uninstall ? users_file() : sdk::Result<std::string>(std::string());
    if (!file)
        return std::move(file).error();
    if (verb.uninstall)
        return uninstall(*file, context);
    auto settings = find_settings(context);
    if (!settings)
        return std::move(settings).error();
    if (!verb.install) {
        json::Object result;
        result.set("settings", settings->text);
        return context.show(result.value(), [&] { return settings->text; });
    }
    if (auto installed = install(*settings, *file); !installed)
        return std::move(installed).error();
    context.note(*file + " includes them now");
    if (auto noted = note_others(*settings, *file, context); !noted)
        return std::move(noted).error();
    return Exit(OwnExit::done);
}

}  // namespace banger::cli
