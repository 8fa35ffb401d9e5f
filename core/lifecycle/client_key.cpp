// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/client_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "banger/sdk/os/file.hpp"
#include "core/lifecycle/engine.hpp"
#include "core/lifecycle/ssh_keys.hpp"

namespace banger::lifecycle {
namespace {

constexpr std::size_t longest_public_key = 65536;

bool is_whole(const std::string& path)
{
    return sdk::os::exists(path) && sdk::os::exists(path + ".pub");
}

std::string own_path(const Engine& engine)
{
    const std::string earlier = engine.paths.state + "/ssh/id_ed25519";
    const std::string own = engine.paths.ssh_key();
    return is_whole(earlier) || (sdk::os::exists(earlier) && !sdk::os::exists(own)) ? earlier : own;
}

/// ssh and ssh-keygen take no key of ours that others could read, as one may be that was restored or copied (ssh(1)).
sdk::Result<void> close_to_others(const std::string& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || status.st_uid != ::geteuid() || (status.st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return {};
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0)
        return sdk::os_error("close " + path + " to others");
    return {};
}

/// What is there may still be what machines let in, such as a key with a passphrase: it stays, beside the new one.
sdk::Result<void> put_aside(const std::string& path)
{
    auto kept = sdk::os::add_name(path, path + ".unusable");
    for (int number = 2; !kept && kept.error().code == sdk::Code::exists; ++number)
        kept = sdk::os::add_name(path, path + ".unusable-" + std::to_string(number));
    return kept;
}

// A whole one takes the place of what is there, if anything is, only once it has been made.
sdk::Result<void> make_private_half(const std::string& path)
{
    const std::string made_as = path + ".new";
    for (const std::string& left : {made_as, made_as + ".pub"})
        if (auto removed = sdk::os::remove_file(left); !removed)
            return removed;
    if (auto made = make_ssh_key(made_as, "banger"); !made)
        return made;
    if (sdk::os::exists(path))
        if (auto kept = put_aside(path); !kept)
            return kept;
    if (::rename(made_as.c_str(), path.c_str()) != 0)
        return sdk::os_error("name the ssh key " + path);
    return sdk::os::remove_file(made_as + ".pub");
}

// One caller at a time.
sdk::Result<void> make_own(const std::string& path)
{
    if (auto closed = close_to_others(path); !closed)
        return closed;
    if (is_whole(path))
        return {};
    if (auto made = sdk::os::make_private_directory(path.substr(0, path.rfind('/'))); !made)
        return made;
    // Machines know the key: it is made only where there is none, or none that can be used.
    auto line = sdk::os::exists(path) ? public_half(path) : sdk::make_error(sdk::Code::not_found, "no key");
    if (!line) {
        if (auto made = make_private_half(path); !made)
            return made;
        line = public_half(path);
    }
    return line ? sdk::os::write_file_atomic(path + ".pub", *line + "\n", 0644) : std::move(line).error();
}

std::string from_home(const std::string& path)
{
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): it is never changed
    return (path == "~" || path.starts_with("~/")) && home != nullptr ? home + path.substr(1) : path;
}

sdk::Error wrong(const Engine& engine, sdk::Code code, const std::string& why, std::string hint)
{
    const auto& setting = engine.config.daemon.ssh_key_path;
    return sdk::make_error(code, setting.where + ": ssh_key_path in [daemon] names " + from_home(setting.value) + ", " + why,
                           std::move(hint));
}

/// Whether ssh will take the file, which itself says so to nobody who waits for a VM.
sdk::Result<void> check_users(const Engine& engine, const std::string& path)
{
    auto file = sdk::os::open_file(path, O_RDONLY | O_NONBLOCK);
    if (!file && file.error().code == sdk::Code::not_found)
        return wrong(engine, sdk::Code::not_found, "which is not there", "name a private key, or take the line out: banger makes its own");
    if (!file)
        return wrong(engine, file.error().code, "which cannot be read: " + file.error().message, "");
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return sdk::os_error("look at " + path);
    if (!S_ISREG(status.st_mode))
        return wrong(engine, sdk::Code::invalid, "which is no file", "name a private key");
    // ssh(1): a key that others can read is ignored; of somebody else's file it says nothing.
    if (status.st_uid == ::geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return wrong(engine, sdk::Code::permission, "which others than you can read or write, so that ssh would ignore it",
                     "chmod 600 " + path);
    return {};
}

sdk::Result<std::string> public_half_of_users(const Engine& engine, const std::string& path)
{
    if (auto checked = check_users(engine, path); !checked)
        return std::move(checked).error();
    auto line = public_half(path);
    if (!line)
        return wrong(engine, sdk::Code::invalid, "which is no private key that can be used without asking: " + line.error().message,
                     "a passphrase can be taken off a copy with `ssh-keygen -p`; or take the line out: banger makes its own key");
    return line;
}

}  // namespace

std::string client_key_path(const Engine& engine)
{
    const std::string& users = engine.config.daemon.ssh_key_path.value;
    return users.empty() ? own_path(engine) : from_home(users);
}

sdk::Result<std::string> client_key(Engine& engine, Operation& operation)
{
    const std::string path = client_key_path(engine);
    if (!engine.config.daemon.ssh_key_path.value.empty()) {
        auto usable = public_half_of_users(engine, path);
        return usable ? sdk::Result<std::string>(path) : std::move(usable).error();
    }
    return engine.builds.run(path, operation, [path](sdk::Call&) -> sdk::Result<std::string> {
        if (auto made = make_own(path); !made)
            return std::move(made).error();
        return path;
    });
}

sdk::Result<std::string> client_public_key(const Engine& engine)
{
    const std::string path = client_key_path(engine);
    if (!engine.config.daemon.ssh_key_path.value.empty())
        return public_half_of_users(engine, path);
    auto text = sdk::os::read_file(path + ".pub", longest_public_key);
    if (!text)
        return std::move(text).error();
    return first_line(*text);
}

}  // namespace banger::lifecycle
