// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/lifecycle/ssh_keys.hpp"

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::lifecycle {
namespace {

constexpr const char* host_key_name = "ssh_host_ed25519_key";

sdk::Result<std::string> run_keygen(std::vector<std::string> words, const std::string& doing)
{
    sdk::os::Command command;
    command.argv = {"ssh-keygen"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    auto ran = sdk::os::run_checked(command);
    if (!ran)
        return std::move(ran).error().while_doing(doing);
    return std::move(ran->out);
}

}  // namespace

sdk::Result<void> make_ssh_key(const std::string& path, const std::string& comment)
{
    auto made = run_keygen({"-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path}, "make an ssh key");
    if (!made)
        return std::move(made).error().with_hint("install the OpenSSH client: apt install openssh-client");
    return {};
}

sdk::Result<std::string> public_half(const std::string& path)
{
    auto line = run_keygen({"-y", "-P", "", "-f", path}, "read an ssh key");
    if (!line)
        return line;
    return first_line(*line);
}

std::string first_line(const std::string& text)
{
    return text.substr(0, text.find('\n'));
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
    if (auto made = make_ssh_key(path, alias); !made)
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

}  // namespace banger::lifecycle
