// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "signature.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/process.hpp"

namespace banger::catalog {
namespace {

using sdk::Code;
using sdk::Result;

constexpr std::chrono::seconds most_time{20};
constexpr const char* signer = "catalogue";  // who ssh-keygen's list of signers says the key is
constexpr std::size_t minisign_key_length = 56;  // base64 of 42 bytes (jedisct1.github.io/minisign, "Public key format")

bool is_openssh(const std::string& key)
{
    return key.starts_with("ssh-") || key.starts_with("ecdsa-sha2-") || key.starts_with("sk-");
}

bool is_minisign(const std::string& key)
{
    return key.size() == minisign_key_length && key.starts_with("RW");
}

bool is_line(const std::string& key)
{
    return key.find_first_of("\r\n") == std::string::npos;
}

}  // namespace

Result<std::string> signature_suffix(const std::string& key)
{
    if (is_line(key) && is_openssh(key))
        return std::string(".sig");
    if (is_line(key) && is_minisign(key))
        return std::string(".minisig");
    return sdk::make_error(Code::invalid, "the key of a catalogue is neither OpenSSH's nor minisign's",
                           "it is the line of a public key, such as ssh-ed25519 AAAA…, or RW… of minisign");
}

Result<void> verify(const std::string& text, const std::string& signature, const std::string& key,
                    const std::string& scratch, sdk::Call& call)
{
    const auto content = scratch + "/catalogue.json";
    const auto signed_by = scratch + "/signature";
    const auto signers = scratch + "/signers";
    if (auto made = sdk::os::make_private_directory(scratch); !made)
        return made;
    for (const auto& [path, bytes] :
         {std::pair{content, &text}, std::pair{signed_by, &signature}})
        if (auto written = sdk::os::write_file_atomic(path, *bytes); !written)
            return written;
    if (auto written = sdk::os::write_file_atomic(signers, std::string(signer) + " " + key + "\n"); !written)
        return written;
    sdk::os::Command command;
    std::string input;
    if (is_openssh(key)) {
        command.argv = {"ssh-keygen", "-Y", "verify", "-f", signers, "-I", signer, "-n", signature_namespace, "-s", signed_by};
        input = text;
    } else {
        command.argv = {"minisign", "-V", "-q", "-P", key, "-m", content, "-x", signed_by};
    }
    sdk::os::RunLimits limits;
    limits.timeout = most_time;
    limits.cancel_descriptor = call.cancel_descriptor();
    const std::string tool = command.argv.front();
    const auto ran = sdk::os::run(std::move(command), input, limits);
    if (auto removed = sdk::os::remove_tree(scratch); !removed)
        return removed;
    if (!ran)
        return ran.error();
    if (ran->status != 0)
        return sdk::make_error(Code::permission, "its signature is not that of the key in config.toml (" + tool + ")");
    return {};
}

}  // namespace banger::catalog
