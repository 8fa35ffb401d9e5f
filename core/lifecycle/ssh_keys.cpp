// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/ssh_keys.hpp"

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"
#include "core/lifecycle/engine.hpp"

namespace banger::lifecycle {
namespace {

constexpr const char* host_key_name = "ssh_host_ed25519_key";

sdk::Result<void> make_key(const std::string& path, const std::string& comment)
{
    sdk::os::Command command;
    command.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path};
    auto made = sdk::os::run_checked(command);
    if (!made)
        return std::move(made).error().while_doing("make an ssh key").with_hint(
            "install the OpenSSH client: apt install openssh-client");
    return {};
}

std::string first_line(const std::string& text)
{
    return text.substr(0, text.find('\n'));
}

// One caller at a time.
sdk::Result<void> make_client_key(const std::string& state_directory)
{
    const std::string path = client_key_path(state_directory);
    if (sdk::os::exists(path) && sdk::os::exists(path + ".pub"))
        return {};
    if (auto made = sdk::os::make_private_directory(state_directory + "/ssh"); !made)
        return made;
    for (const std::string& half_made : {path, path + ".pub"})
        if (auto removed = sdk::os::remove_file(half_made); !removed)
            return removed;
    return make_key(path, "banger");
}

}  // namespace

std::string client_key_path(const std::string& state_directory)
{
    return state_directory + "/ssh/id_ed25519";
}

std::string known_hosts_path(const std::string& vm_directory)
{
    return vm_directory + "/known_hosts";
}

std::string host_alias(const std::string& vm_id)
{
    return "banger-" + vm_id;
}

sdk::Result<void> make_host_key(const std::string& vm_directory, const std::string& alias)
{
    const std::string path = vm_directory + "/" + host_key_name;
    if (auto made = make_key(path, alias); !made)
        return made;
    auto public_key = sdk::os::read_file(path + ".pub", 65536);
    if (!public_key)
        return std::move(public_key).error();
    return sdk::os::write_file_atomic(known_hosts_path(vm_directory), alias + " " + first_line(*public_key) + "\n");
}

sdk::Result<agent::Configuration::HostKey> read_host_key(const std::string& vm_directory)
{
    const std::string path = vm_directory + "/" + host_key_name;
    auto private_key = sdk::os::read_file(path, 65536);
    auto public_key = sdk::os::read_file(path + ".pub", 65536);
    if (!private_key)
        return std::move(private_key).error();
    if (!public_key)
        return std::move(public_key).error();
    return agent::Configuration::HostKey{host_key_name, *private_key, *public_key};
}

sdk::Result<std::string> client_key(Engine& engine, Operation& operation)
{
    const std::string state = engine.paths.state;
    return engine.builds.run(client_key_path(state), operation, [state](sdk::Call&) -> sdk::Result<std::string> {
        if (auto made = make_client_key(state); !made)
            return std::move(made).error();
        return client_key_path(state);
    });
}

sdk::Result<std::string> client_public_key(const std::string& state_directory)
{
    auto text = sdk::os::read_file(client_key_path(state_directory) + ".pub", 65536);
    if (!text)
        return std::move(text).error();
    return first_line(*text);
}

}  // namespace banger::lifecycle
